//! The report for people, within 80 columns.

use std::fmt::{self, Display};
use std::time::Duration;

use super::contents::{Cell, Contents, FileFound, Hints, Producer};
use super::header::{Header, Word};
use super::slots::{Slot, State};
use crate::cli::columns::wrapped;
use crate::cli::inspect::table::clean;
use crate::units::counted;

impl Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileFound { path, length_bytes, offset_bytes, in_use, unfinished } = &self.file;
        writeln!(f, "file       {}", clean(path))?;
        write!(f, "           {}", counted(*length_bytes, "byte"))?;
        if *offset_bytes > 0 {
            write!(f, ", the ring at {offset_bytes}")?;
        }
        let used = if *in_use { "in use by live processes" } else { "no process has it open" };
        writeln!(f, ", {used}{}", if *unfinished { ", unfinished" } else { "" })?;
        for (text, name) in (self.problems.iter().map(|text| (text, "problem")))
            .chain(self.notes.iter().map(|text| (text, "note")))
        {
            f.write_str(&wrapped(name, 11, text))?;
        }
        if self.problem_count > self.problems.len() {
            writeln!(f, "           and {} problems more", self.problem_count - self.problems.len())?;
        }
        if let Some(header) = &self.header {
            header.show(f)?;
        }
        if !self.header_words.is_empty() {
            writeln!(f, "\nheader as it lies there")?;
            for Word { name, value } in &self.header_words {
                writeln!(f, "  {name:<17} {value:#018x}  {value}")?;
            }
        }
        if let Some(producer) = &self.producer {
            writeln!(f)?;
            producer.show(f)?;
        }
        if let Some(Hints { sleepers, cells_used, clones }) = &self.hints {
            writeln!(f, "hints      sleepers {sleepers}, cells used {cells_used}, clones {clones}")?;
        }
        if !self.consumers.is_empty() {
            writeln!(f, "\ncell  state        lock       pid           cursor        lag incarnation  mb")?;
            self.consumers.iter().try_for_each(|cell| cell.show(f))?;
        }
        if self.examined_slots > 0 {
            let states: Vec<_> = self.slot_states.iter().map(|(state, n)| format!("{n} {state}")).collect();
            writeln!(f)?;
            f.write_str(&wrapped("slots", 11, &states.join(", ")))?;
        }
        if !self.slots.is_empty() {
            writeln!(f, "\n    slot          seq  state           length        tag  payload")?;
            self.slots.iter().try_for_each(|slot| slot.show(f))?;
        }
        Ok(())
    }
}

impl Header {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { placement, slots, slot_size_bytes, stride, stride_bytes, .. } = self;
        let Self { max_consumers, section_align_bytes, total_length_bytes, ring_id, boot_id, .. } = self;
        let capacity = counted(*slot_size_bytes, "byte");
        writeln!(
            f,
            "shape      {slots} slots for up to {capacity} each, {stride}: {stride_bytes} bytes apart"
        )?;
        writeln!(f, "           up to {}", counted(*max_consumers, "consumer"))?;
        writeln!(
            f,
            "length     {total_length_bytes} bytes, {placement}, sections aligned to {section_align_bytes}"
        )?;
        if self.can_skip {
            writeln!(f, "first      sequence {}; the producer may skip some", self.first_seq)?;
        }
        writeln!(f, "type       {}", clean(self.message_type.as_deref().unwrap_or("plain bytes")))?;
        writeln!(f, "ring id    {ring_id}")?;
        let boot = match self.this_boot {
            Some(true) => "this boot",
            Some(false) => "another boot",
            None => "it is unknown which boot this is",
        };
        writeln!(f, "boot id    {boot_id}, {boot}")
    }
}

impl Producer {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, alive, pid, epoch, head, wake_mode, wake_at, times_full, doorbell, .. } = self;
        let alive = match (alive, *state) {
            (true, _) => "alive",
            (false, "open") => "died",
            (false, _) => "none",
        };
        let name = self.name.map_or(String::new(), |name| format!(", {name:?}"));
        writeln!(f, "state      {state}, epoch {epoch}, producer {alive}, last pid {pid}{name}")?;
        writeln!(f, "head       {head}")?;
        match self.resume {
            Some(resume) => writeln!(f, "resume     {resume}: where the next producer goes on")?,
            None => writeln!(f, "resume     nowhere: no producer can enter a ring with these stamps")?,
        }
        let Self { first_seq_even, first_seq_odd, .. } = self;
        writeln!(
            f,
            "epochs     the newest even one from {first_seq_even}, the newest odd one from {first_seq_odd}"
        )?;
        let blocked = match self.blocked_on_cell {
            Some(cell) => format!("waits for cell {cell} to reach {wake_at}"),
            None => "waits for no consumer".into(),
        };
        writeln!(
            f,
            "waking     {wake_mode}, doorbell {doorbell}; {blocked}; full {}",
            counted(*times_full, "time")
        )?;
        if self.wake_every_ns > 0 {
            let time = humantime::format_duration(Duration::from_nanos(self.wake_every_ns));
            writeln!(f, "           once in {time} at most")?;
        }
        Ok(())
    }
}

impl Cell {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cell, state, pid, cursor, lag, incarnation, .. } = self;
        let lock = if self.alive { "alive" } else { "free" };
        let registered = if self.registered { "yes" } else { "no" };
        // Beside the rest it would make the line too long.
        let name = self.name.map_or(String::new(), |name| format!("\n      {name:?}"));
        writeln!(
            f,
            "{cell:>4}  {state:<11}  {lock:<5} {pid:>8} {cursor:>16} {lag:>10} {incarnation:>11}  {registered}{name}"
        )
    }
}

impl Slot {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "-".to_owned();
        let seq = self.seq.map_or_else(dash, |seq| seq.to_string());
        let length = self.length_bytes.map_or_else(dash, |length| length.to_string());
        let tag = self.tag.map_or_else(dash, |tag| format!("{tag:#x}"));
        let state = match self.state {
            State::Published if !self.counted => "published ahead".into(),
            state => state.to_string(),
        };
        let hex = self.payload_hex.get(..16).unwrap_or(&self.payload_hex);
        let line = format!("{:>8} {seq:>12}  {state:<15}{length:>7} {tag:>10}  {hex:<16} ", self.slot);
        // Up to the edge of the terminal.
        let room = 80_usize.saturating_sub(line.len());
        let text: String = self.payload_text.chars().take(room).collect();
        writeln!(f, "{}", (line + &text).trim_end())
    }
}
