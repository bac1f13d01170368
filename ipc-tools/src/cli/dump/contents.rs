//! All that a ring's file holds, as it is shown.

use std::collections::BTreeMap;

use ringway::{Geometry, MAX_SEQ, Name};
use ringway_core::placement::{CellFields, HintsFields, ProducerFields, skipped_by};
use serde::Serialize;

use super::Args;
use super::header::{self, Header, Word};
use super::image::Image;
use super::slots::{Context, Slot, State, offsets};

/// Most slots that are looked at to count their states.
const EXAMINED: u64 = 1 << 20;
/// Most slots that are shown.
const SHOWN: u64 = 1 << 16;
/// Most problems that are told one by one.
const TOLD: usize = 20;

/// The report. Numbers are counts, sequences or slots, unless their names have a unit.
#[derive(Serialize)]
pub(super) struct Contents {
    pub(super) file: FileFound,
    /// What is wrong with the file, the first 20.
    pub(super) problems: Vec<String>,
    pub(super) problem_count: usize,
    /// What a reader of the report should know besides.
    pub(super) notes: Vec<String>,
    pub(super) header: Option<Header>,
    /// The header's words, if it isn't that of a ring.
    pub(super) header_words: Vec<Word>,
    pub(super) producer: Option<Producer>,
    pub(super) hints: Option<Hints>,
    /// The cells that a consumer was ever in.
    pub(super) consumers: Vec<Cell>,
    /// How many slots are in which state.
    pub(super) slot_states: BTreeMap<State, u64>,
    /// How many slots that count is of: the newest ones.
    pub(super) examined_slots: u64,
    /// The slots that were asked for.
    pub(super) slots: Vec<Slot>,
    #[serde(skip)]
    pub(super) geometry: Option<Geometry>,
    #[serde(skip)]
    context: Option<Context>,
}

#[derive(Serialize)]
pub(super) struct FileFound {
    pub(super) path: String,
    pub(super) length_bytes: u64,
    pub(super) offset_bytes: u64,
    /// Whether a process has the ring open.
    pub(super) in_use: bool,
    /// Whether the ring is one that was never finished.
    pub(super) unfinished: bool,
}

#[derive(Serialize)]
pub(super) struct Producer {
    pub(super) state: &'static str,
    /// Whether a process holds the producer's lock.
    pub(super) alive: bool,
    pub(super) pid: u64,
    /// As the producer wrote them.
    pub(super) uid: Option<u32>,
    pub(super) name: Option<Name>,
    pub(super) epoch: u64,
    pub(super) head: u64,
    /// Where the next producer goes on: after what is published though head doesn't count it.
    pub(super) resume: Option<u64>,
    pub(super) first_seq_even: u64,
    pub(super) first_seq_odd: u64,
    pub(super) wake_mode: &'static str,
    /// Nanoseconds in which publishing wakes readers once at most, as the producer wrote it.
    pub(super) wake_every_ns: u64,
    /// The cell that the producer waits for.
    pub(super) blocked_on_cell: Option<u64>,
    pub(super) wake_at: u64,
    pub(super) times_full: u64,
    /// How often producers have passed over a best-effort reader.
    pub(super) times_passed_over: u64,
    pub(super) doorbell: u32,
}

#[derive(Serialize)]
pub(super) struct Hints {
    pub(super) sleepers: u32,
    pub(super) cells_used: u64,
    pub(super) clones: u64,
}

#[derive(Serialize)]
pub(super) struct Cell {
    pub(super) cell: u64,
    pub(super) state: &'static str,
    /// Whether a process holds the cell's lock.
    pub(super) alive: bool,
    pub(super) pid: u64,
    /// As the reader wrote them.
    pub(super) uid: Option<u32>,
    pub(super) name: Option<Name>,
    pub(super) cursor: u64,
    /// Messages from the cursor to head.
    pub(super) lag: u64,
    pub(super) incarnation: u64,
    pub(super) registered: bool,
    pub(super) space_bell: u32,
    /// Messages that a best-effort reader has lost, and how often, as it says.
    pub(super) lost: u64,
    pub(super) times_lagged: u64,
}

impl Contents {
    pub(super) fn read(args: &Args, image: &Image) -> Self {
        let found = header::read(image);
        let mut contents = Self {
            file: FileFound {
                path: args.ring.display().to_string(),
                length_bytes: image.file().length(),
                offset_bytes: image.offset(),
                in_use: image.file().in_use(image.offset()).unwrap_or(false),
                unfinished: found.unfinished,
            },
            problem_count: found.problems.len(),
            problems: found.problems,
            notes: Vec::new(),
            header: found.geometry.as_ref().map(Header::of),
            header_words: found.words,
            producer: None,
            hints: None,
            consumers: Vec::new(),
            slot_states: BTreeMap::new(),
            examined_slots: 0,
            slots: Vec::new(),
            geometry: found.geometry.clone(),
            context: None,
        };
        if let Some(geometry) = &found.geometry {
            contents.read_pages(image, geometry);
            contents.read_slots(args, image, geometry);
        }
        contents
    }

    /// Adds a problem, which is told if not too many were before it.
    pub(super) fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < TOLD {
            self.problems.push(text);
        }
    }

    /// A slot of the ring, if its producer page is there.
    pub(super) fn slot(&self, image: &Image, geometry: &Geometry, slot: u64) -> Slot {
        let context = self.context.unwrap_or_else(|| context(geometry, 0, false));
        context.read(image, geometry, slot, &mut |_| {})
    }

    fn read_pages(&mut self, image: &Image, geometry: &Geometry) {
        let word = |at| image.word(at);
        if self.header.as_ref().is_some_and(|header| header.this_boot == Some(false)) {
            self.notes.push(
                "the ring is of another boot: a power loss may have torn what stamps call whole".into(),
            );
        }
        let Some(page) = ProducerFields::read(geometry, word) else {
            self.problem(
                "the file ends before the producer page: nothing behind the header can be shown".into(),
            );
            return;
        };
        let head = if page.head <= MAX_SEQ {
            page.head
        } else {
            let guess = newest_stamp(image, geometry);
            self.problem(format!("head is {:#x}, expected at most {MAX_SEQ:#x}: it is damaged", page.head));
            self.notes.push(format!("head is taken for {guess}, as the stamps of the slots have it"));
            guess
        };
        if page.state == 3 {
            self.problem("the ring's state is 3, expected 0, 1 or 2: it is damaged".into());
        }
        let alive = image.file().producer_alive(image.offset()).unwrap_or(false);
        self.context = Some(context(geometry, head, page.state == 2 && !alive));
        self.producer = Some(Producer {
            state: ["no-producer-yet", "open", "closed", "damaged"][(page.state & 3) as usize],
            alive,
            pid: page.pid,
            uid: page.uid,
            name: page.name,
            epoch: page.epoch,
            head: page.head,
            resume: resume(image, geometry, head),
            first_seq_even: page.first_seq_even,
            first_seq_odd: page.first_seq_odd,
            wake_mode: match page.wake_mode {
                0 => "none",
                1 => "fenced",
                2 => "asymmetric",
                _ => "unknown",
            },
            wake_every_ns: page.wake_every,
            blocked_on_cell: (page.blocked_on & !(1 << 63)).checked_sub(1),
            wake_at: page.wake_at,
            times_full: page.times_full,
            times_passed_over: page.times_passed_over,
            doorbell: page.doorbell,
        });
        self.hints = HintsFields::read(geometry, word)
            .map(|HintsFields { sleepers, cells_used, clones }| Hints { sleepers, cells_used, clones });
        for cell in 0..geometry.max_consumers() {
            match CellFields::read(geometry, cell, word) {
                Some(found) => self.add_cell(image, cell, &found, head),
                None => {
                    self.problem(format!("the file ends before cell {cell}"));
                    break;
                }
            }
        }
    }

    fn add_cell(&mut self, image: &Image, cell: u64, found: &CellFields, head: u64) {
        let alive = image.file().consumer_alive(image.offset(), cell).unwrap_or(false);
        if (found.incarnation, found.state, found.cursor) == (0, 0, 0) && !alive {
            return;
        }
        if matches!(found.state, 1 | 2) && found.cursor > head {
            let cursor = found.cursor;
            self.problem(format!("the cursor of cell {cell} is {cursor}, expected at most head, {head}"));
        }
        self.consumers.push(Cell {
            cell,
            state: ["free", "active", "best-effort", "observer"][(found.state & 3) as usize],
            alive,
            pid: found.pid,
            uid: found.uid,
            name: found.name,
            cursor: found.cursor,
            lag: head.saturating_sub(found.cursor),
            incarnation: found.incarnation,
            registered: found.registered == 1,
            space_bell: found.space_bell,
            lost: found.lost,
            times_lagged: found.times_lagged,
        });
    }

    fn read_slots(&mut self, args: &Args, image: &Image, geometry: &Geometry) {
        let Some(context) = self.context else { return };
        let count = geometry.slots();
        let edge = edge(image, geometry, context.head);
        // The newest slots, in the order of their messages.
        let newest = |n: u64| (0..n).map(move |at| edge.wrapping_sub(n).wrapping_add(at) & (count - 1));
        self.examined_slots = count.min(EXAMINED);
        for slot in newest(self.examined_slots) {
            let mut faults = Vec::new();
            let found = context.read(image, geometry, slot, &mut |fault| faults.push(fault));
            *self.slot_states.entry(found.state).or_default() += 1;
            faults.into_iter().for_each(|fault| self.problem(fault));
        }
        if self.examined_slots < count {
            self.notes
                .push(format!("only the newest {EXAMINED} slots, of {count}, were counted and checked"));
        }
        let shown = match &args.slots {
            Some(range) => {
                let range = range.start.min(count)..range.end.min(count);
                range.take(SHOWN as usize).collect::<Vec<_>>()
            }
            None => newest(args.last.min(count).min(SHOWN).min(edge)).collect(),
        };
        let slots = shown.into_iter().map(|slot| context.read(image, geometry, slot, &mut |_| {}));
        self.slots = slots.collect();
    }
}

/// What the ring says of all slots.
fn context(geometry: &Geometry, head: u64, closed: bool) -> Context {
    let (slots, first, can_skip) = (geometry.slots(), geometry.first_seq(), geometry.can_skip());
    Context { head, slots, closed, first, can_skip }
}

/// Which message was skipped, if that is what a stamp of this ring says.
fn skipped(geometry: &Geometry, stamp: u64) -> Option<u64> {
    skipped_by(stamp).filter(|_| geometry.can_skip())
}

/// The stamp of a message's slot.
fn stamp(image: &Image, geometry: &Geometry, seq: u64) -> Option<u64> {
    image.word(offsets(geometry, seq % geometry.slots()).stamp)
}

/// Where a new producer goes on; `None` if it couldn't, since the stamps from head on can't be.
fn resume(image: &Image, geometry: &Geometry, head: u64) -> Option<u64> {
    let end = head + geometry.slots().min(EXAMINED);
    let is_done = |seq: u64, stamp| stamp == 2 * seq + 2 || skipped(geometry, stamp) == Some(seq);
    let next =
        (head..end).find(|&seq| !stamp(image, geometry, seq).is_some_and(|found| is_done(seq, found)))?;
    let is_free = |stamp| stamp < 2 * next + 2 || skipped(geometry, stamp).is_some_and(|seq| seq < next);
    stamp(image, geometry, next).filter(|&stamp| is_free(stamp)).map(|_| next)
}

/// Behind the last message that was published or claimed, from head on.
fn edge(image: &Image, geometry: &Geometry, head: u64) -> u64 {
    let end = head + geometry.slots().min(EXAMINED);
    let begun = |seq: u64| match stamp(image, geometry, seq) {
        Some(0) | None => false,
        Some(stamp) => skipped(geometry, stamp).unwrap_or((stamp - 1) / 2) == seq,
    };
    (head..end).find(|&seq| !begun(seq)).unwrap_or(end)
}

/// Behind the newest message that the stamps name.
fn newest_stamp(image: &Image, geometry: &Geometry) -> u64 {
    let slots = 0..geometry.slots().min(EXAMINED);
    let seqs = slots.filter_map(|slot| {
        let stamp = image.word(offsets(geometry, slot).stamp)?;
        let seq = skipped(geometry, stamp).or_else(|| Some(stamp.checked_sub(2)? / 2))?;
        (seq % geometry.slots() == slot && seq < MAX_SEQ).then_some(seq + 1)
    });
    seqs.max().unwrap_or(geometry.first_seq())
}
