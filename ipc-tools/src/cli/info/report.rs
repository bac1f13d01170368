//! What is known of one ring, for people and for programs.

use std::fmt::{self, Display};
use std::time::SystemTime;

use humantime::format_rfc3339_millis;
use ringway::{Attached, Name, Placement, ShownObserver, Stats};
use ringway_core::placement::RoleHint;
use ringway_file::placement::LockTable;
use serde::Serialize;

use crate::cli::inspect::holders::Holders;
use crate::cli::inspect::kind::{Kind, loss};
use crate::cli::inspect::process::{Process, user};
use crate::cli::inspect::snapshot::{Snapshot, Standing};
use crate::cli::inspect::subject::Subject;
use crate::cli::inspect::table::{self, Cut, Table, cut};
use crate::options::StrideChoice;
use crate::units::{counted, hex};

/// What stands before the values of lines.
const INDENT: &str = "           ";

/// Fields of the JSON object. Times are RFC 3339.
#[derive(Serialize)]
pub(super) struct Info {
    pub(super) ring: String,
    /// The same for people.
    #[serde(skip)]
    shown: String,
    pub(super) state: Standing,
    pub(super) epoch: u64,
    pub(super) head: u64,
    pub(super) producer_alive: bool,
    /// The producer's process, or the last one's; null before the first.
    producer: Option<Who>,
    /// Messages a second between the two looks; null after a single look, or if head went back.
    pub(super) messages_per_s: Option<f64>,
    last_message: LastMessage,
    pub(super) times_full: u64,
    /// How often a producer passed over a best-effort reader.
    pub(super) times_passed_over: u64,
    /// How many messages can be published until the ring is full.
    pub(super) room: u64,
    pub(super) slots: u64,
    pub(super) slot_size_bytes: u64,
    stride: &'static str,
    stride_bytes: u64,
    pub(super) max_consumers: u64,
    /// Sequence of the ring's first message.
    first_seq: u64,
    /// Whether the producer may skip sequences.
    can_skip: bool,
    pub(super) consumers: Vec<Consumer>,
    section_align_bytes: u64,
    pub(super) total_length_bytes: u64,
    placement: &'static str,
    message_type: Option<String>,
    ring_id: String,
    boot_id: String,
    /// Whether the ring is of an earlier boot of this machine, or of another machine.
    pub(super) other_boot: bool,
    file: File,
    /// The library's `Stats`, as it serialises.
    pub(super) stats: Stats,
}

/// An attached consumer or best-effort reader: what holds the producer back if the ring is full.
#[derive(Serialize)]
pub(super) struct Consumer {
    pub(super) cell: usize,
    pub(super) kind: Kind,
    /// As the consumer wrote it.
    pub(super) pid: u64,
    pub(super) next: u64,
    pub(super) lag: u64,
    /// The lag as a part of the slots: 1 stops the producer, and a long skip makes it more. So does being passed over.
    pub(super) lag_of_capacity: f64,
    /// Whether it is a best-effort reader that is more than a lap behind.
    passed_over: bool,
    /// What a best-effort reader lost since it joined, and in how many times, by its own word.
    pub(super) lost: u64,
    pub(super) times_lagged: u64,
    who: Who,
}

impl Consumer {
    /// The name that it gave itself, if it did.
    pub(super) fn name(&self) -> Option<Name> {
        self.who.name
    }
}

/// The process of a role.
#[derive(Serialize)]
struct Who {
    /// `lock`: it holds the role's lock. `hint`: it has the number that the role's process wrote.
    known_by: &'static str,
    /// The number that `known_by` stands for.
    pid: u64,
    /// What the role wrote as its effective user, and as its name.
    uid: Option<u32>,
    name: Option<Name>,
    /// Null if there is no such process here.
    process: Option<Process>,
}

/// What can be known of a message that carries no time.
#[derive(Serialize)]
struct LastMessage {
    /// When head was seen to have moved.
    seen_moving_at: Option<String>,
    /// How long head was looked at and didn't move.
    not_for_at_least_s: Option<f64>,
    /// When the file was made, where its file system keeps that: no message is older.
    not_before: Option<String>,
}

#[derive(Serialize)]
struct File {
    uid: u32,
    user: Option<String>,
    mode: String,
    allocated_bytes: u64,
}

impl Info {
    /// What `snapshot` tells, and what changed since the one `before`.
    pub(super) fn of(subject: &Subject, snapshot: &Snapshot, before: Option<&Snapshot>) -> Self {
        let Snapshot { stats, standing, time, .. } = snapshot;
        let Subject { geometry, file, .. } = subject;
        let change = before.map(|before| snapshot.since(before));
        let moved = change.and_then(|change| change.messages).is_some_and(|messages| messages > 0);
        let still = change.filter(|change| change.messages == Some(0));
        let time_of = |time: SystemTime| format_rfc3339_millis(time).to_string();
        let people = People::of(subject, stats);
        Self {
            ring: subject.path.display().to_string(),
            shown: subject.shown.clone(),
            state: *standing,
            epoch: stats.epoch,
            head: stats.head,
            producer_alive: stats.producer_alive,
            producer: people.producer(stats),
            messages_per_s: change.and_then(|change| change.rate()),
            last_message: LastMessage {
                seen_moving_at: moved.then(|| time_of(*time)),
                not_for_at_least_s: still.map(|change| change.elapsed.as_secs_f64()),
                not_before: file.created.map(time_of),
            },
            times_full: stats.times_full,
            times_passed_over: stats.times_passed_over,
            room: stats.room(),
            slots: geometry.slots(),
            slot_size_bytes: geometry.payload_capacity(),
            stride: StrideChoice::name(geometry.stride_kind()),
            stride_bytes: geometry.stride(),
            max_consumers: geometry.max_consumers(),
            first_seq: geometry.first_seq(),
            can_skip: geometry.can_skip(),
            consumers: stats
                .consumers
                .iter()
                .map(|attached| people.consumer(attached, stats.slots))
                .collect(),
            section_align_bytes: geometry.section_align(),
            total_length_bytes: geometry.total_length(),
            placement: match geometry.placement() {
                Placement::Anonymous => "anonymous",
                Placement::WholeFile => "whole-file",
                Placement::Embedded => "embedded",
                _ => "unknown",
            },
            message_type: geometry.type_info().map(ToString::to_string),
            ring_id: hex(&geometry.ring_id()),
            boot_id: hex(&geometry.boot_id()),
            other_boot: subject.other_boot,
            file: File {
                uid: file.uid,
                user: user(file.uid),
                mode: format!("{:04o}", file.mode),
                allocated_bytes: file.allocated,
            },
            stats: stats.clone(),
        }
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// The processes of a ring's roles.
struct People {
    holders: Holders,
}

impl People {
    fn of(subject: &Subject, stats: &Stats) -> Self {
        let producer = stats.producer_alive.then_some((LockTable::PRODUCER, stats.producer_pid));
        let consumers = stats.consumers.iter().map(|consumer| (LockTable::cell(consumer.cell), consumer.pid));
        let (bytes, pids): (Vec<u64>, Vec<u64>) = producer.into_iter().chain(consumers).unzip();
        Self { holders: Holders::find(&subject.file, &bytes, pids) }
    }

    fn who(&self, byte: u64, RoleHint { pid: hint, uid, name }: RoleHint) -> Who {
        match self.holders.of(byte) {
            Some(pid) => Who { known_by: "lock", pid: pid as u64, uid, name, process: Process::of(pid) },
            None => Who { known_by: "hint", pid: hint, uid, name, process: Process::hinted(hint) },
        }
    }

    fn producer(&self, stats: &Stats) -> Option<Who> {
        let known = stats.producer_alive || stats.epoch > 0;
        let &Stats { producer_pid: pid, producer_uid: uid, producer_name: name, .. } = stats;
        known.then(|| self.who(LockTable::PRODUCER, RoleHint { pid, uid, name }))
    }

    fn consumer(&self, reader: &Attached, slots: u64) -> Consumer {
        let &Attached { cell, pid, next_seq, lag, uid, name, lost, times_lagged, .. } = reader;
        let kind = Kind::of(reader);
        Consumer {
            cell,
            kind,
            pid,
            next: next_seq,
            lag,
            lag_of_capacity: lag as f64 / slots as f64,
            passed_over: kind.is_passed_over(lag, slots),
            lost,
            times_lagged,
            who: self.who(LockTable::cell(cell), RoleHint { pid, uid, name }),
        }
    }
}

impl Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known_by, pid, uid, name, process } = self;
        if let Some(name) = name {
            write!(f, "{name:?} ")?;
        }
        write!(f, "pid {pid}")?;
        match process {
            None if *known_by == "hint" => {
                let uid = uid.map_or(String::new(), |uid| format!(", uid {uid},"));
                write!(f, "{uid} as it wrote, no such process here")
            }
            None => Ok(()),
            Some(process) => {
                let stopped = if process.is_stopped() { ", stopped" } else { "" };
                let said = if *known_by == "hint" { ", as it wrote" } else { "" };
                let user = process.user.clone().or(process.uid.map(|uid| uid.to_string()));
                write!(f, " {} ({}{stopped}{said})", process.shown_name(), user.as_deref().unwrap_or("?"))
            }
        }
    }
}

impl Info {
    fn state_in_words(&self) -> String {
        let alive = |who: &Option<Who>| who.as_ref().map_or("alive".into(), |who| format!("alive, {who}"));
        let producer = match (self.state, self.producer_alive) {
            (Standing::ProducerLost, _) => "none: it died, or left without closing".into(),
            (_, true) => alive(&self.producer),
            (_, false) => "none".into(),
        };
        format!("{}, epoch {}, producer {producer}", self.state.name(), self.epoch)
    }

    fn last_message_in_words(&self) -> String {
        let LastMessage { seen_moving_at, not_for_at_least_s, not_before } = &self.last_message;
        let since = |text: &Option<String>| {
            text.as_ref().map_or(String::new(), |time| format!("; none is older than {time}, as the file"))
        };
        match (self.head, seen_moving_at, not_for_at_least_s) {
            (head, ..) if head == self.first_seq => "none yet".into(),
            (_, Some(time), _) => format!("seen moving at {time}"),
            (_, None, Some(seconds)) => format!("not for at least {seconds:.3} s{}", since(not_before)),
            _ => format!("unknown after a single look{}", since(not_before)),
        }
    }

    fn best_effort(&self) -> usize {
        self.consumers.iter().filter(|reader| reader.kind == Kind::BestEffort).count()
    }

    /// The table of readers, with columns for best-effort readers if there are any.
    fn consumer_table(&self, columns: Option<usize>) -> String {
        let mut plain = Table::new([">CELL", ">NEXT", ">LAG", ">OF SLOTS", "PROCESS"], Cut::End);
        let heads = [">CELL", "KIND", ">NEXT", ">LAG", ">OF SLOTS", "LOST", "PROCESS"];
        let mut mixed = Table::new(heads, Cut::End);
        for reader in &self.consumers {
            let &Consumer { kind, passed_over, lost, times_lagged, .. } = reader;
            let [cell, next, lag] =
                [reader.cell as u64, reader.next, reader.lag].map(|number| number.to_string());
            let percent = format!("{:.1} %", 100.0 * reader.lag_of_capacity);
            let part = if passed_over { "passed over".into() } else { percent };
            let who = reader.who.to_string();
            let lost = if kind == Kind::BestEffort { loss(lost, times_lagged) } else { "-".into() };
            mixed.row([cell.as_str(), kind.name(), &next, &lag, &part, &lost, &who].map(String::from));
            plain.row([cell, next, lag, part, who]);
        }
        if self.best_effort() > 0 { mixed.text(columns) } else { plain.text(columns) }
    }

    /// Its lines, and the table of consumers of at most so many columns.
    fn lines(&self, columns: Option<usize>) -> Vec<String> {
        let Info { slots, slot_size_bytes, stride, stride_bytes, .. } = self;
        let Info { max_consumers, total_length_bytes, .. } = self;
        let rate = self.messages_per_s.map_or(String::new(), |rate| format!(", {rate:.0} messages a second"));
        let File { uid, user, mode, allocated_bytes } = &self.file;
        let owner = user.as_ref().map_or(uid.to_string(), |user| format!("{user} ({uid})"));
        let message_type = self.message_type.as_deref().unwrap_or("plain bytes");
        let full = counted(self.times_full, "time");
        let best_effort = match self.best_effort() {
            0 => String::new(),
            n => format!(", {n} of them best-effort"),
        };
        let passed_over = match self.times_passed_over {
            0 => String::new(),
            n => format!(", best-effort readers passed over {}", counted(n, "time")),
        };
        let mut lines = vec![
            format!(
                "ring       {}",
                cut(&self.shown, columns.map_or(usize::MAX, |n| n.saturating_sub(INDENT.len())), Cut::Start)
            ),
            format!("state      {}", self.state_in_words()),
            format!("head       {}{}{rate}", self.head, self.beginning()),
            format!("message    {}", self.last_message_in_words()),
            format!(
                "slots      {slots} for up to {} each, {stride}: {stride_bytes} bytes apart",
                counted(*slot_size_bytes, "byte")
            ),
            format!(
                "consumers  {} of up to {max_consumers}{best_effort}; room for {}, found full {full}{passed_over}",
                self.consumers.len(),
                counted(self.room, "message")
            ),
        ];
        if !self.consumers.is_empty() {
            let width = columns.map(|columns| columns.saturating_sub(INDENT.len()));
            lines.extend(self.consumer_table(width).lines().map(|line| format!("{INDENT}{line}")));
        }
        if !self.stats.observers.is_empty() {
            let hint = |&ShownObserver { pid, uid, name, .. }: &ShownObserver| RoleHint { pid, uid, name };
            let shown: Vec<_> = self.stats.observers.iter().map(|shown| hint(shown).to_string()).collect();
            lines.push(format!("observers  {}, as they wrote", shown.join("; ")));
        }
        if let Some(command) = self.command() {
            lines.push(format!("command    {command}"));
        }
        lines.push(format!(
            "file       owner {owner}, mode {mode}, {} on disk",
            table::bytes(*allocated_bytes)
        ));
        lines.push(format!(
            "length     {total_length_bytes} bytes, {}, sections aligned to {}",
            self.placement, self.section_align_bytes
        ));
        lines.push(format!("type       {message_type}"));
        lines.push(format!("ring id    {}", self.ring_id));
        let boot = if self.other_boot { " (another boot: nothing in it is alive)" } else { "" };
        lines.push(format!("boot id    {}{boot}", self.boot_id));
        lines
    }

    /// Where the ring's sequences begin, if that was chosen.
    fn beginning(&self) -> String {
        if self.can_skip { format!(" (from {}, some may be skipped)", self.first_seq) } else { String::new() }
    }

    /// The living producer's command line.
    fn command(&self) -> Option<&str> {
        let producer = self.producer.as_ref().filter(|_| self.producer_alive)?;
        producer.process.as_ref()?.command.as_deref()
    }
}

impl Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = table::columns();
        for line in self.lines(columns) {
            writeln!(f, "{}", cut(&line, columns.unwrap_or(usize::MAX), Cut::End))?;
        }
        Ok(())
    }
}
