//! Any frames in any order, from a peer that knows the ring's id. The mirror stays consistent, and the sink small.
#![no_main]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use ringway_gateway_protocol::apply::{self, Counts, Mirror};
use ringway_gateway_protocol::frame::{Builder, Condition, Expected, MAX_SEQ};
use ringway_gateway_protocol::sink::{Limits, Sink};

const EXPECTED: Expected = Expected { ring_id: [7; 16], payload_capacity: 48, fixed_length: false };
const PARKED: usize = 2000;

/// A mirror that records only its head.
#[derive(Default)]
struct Head {
    head: u64,
    entered: bool,
    published: u64,
    skipped: u64,
}

impl Mirror for Head {
    type Error = Infallible;

    fn head(&self) -> u64 {
        self.head
    }

    fn is_entered(&self) -> bool {
        self.entered
    }

    fn enter(&mut self) -> Result<(), Infallible> {
        self.entered = true;
        Ok(())
    }

    fn leave(&mut self) {
        self.entered = false;
    }

    fn close(&mut self) -> Result<(), Infallible> {
        self.entered = false;
        Ok(())
    }

    fn skip_to(&mut self, seq: u64) -> Result<(), Infallible> {
        assert!(self.entered && self.head <= seq && seq <= MAX_SEQ);
        self.skipped += seq - self.head;
        self.head = seq;
        Ok(())
    }

    fn publish(&mut self, bytes: &[u8], _: u32) -> Result<(), Infallible> {
        assert!(self.entered && bytes.len() <= 48);
        self.published += 1;
        self.head += 1;
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let mut now = Instant::now();
    let limits = Limits {
        repairs: first % 2 == 0,
        parked_bytes: PARKED,
        answer_within: Duration::from_millis(100),
        link_lost_after: Duration::from_millis(500),
    };
    let mut sink = Sink::new(limits, now);
    let (mut mirror, mut counts) = (Head::default(), Counts::default());
    for step in rest.chunks_exact(8) {
        let [kind, condition, epoch, first, from, lost, count, wait] = *step else { return };
        now += Duration::from_millis(u64::from(wait));
        match kind % 8 {
            0 => {
                let asked = sink.question(mirror.head, now);
                assert!(asked.is_none_or(|range| range.from == mirror.head && range.to > range.from));
            }
            1 => sink.answered(mirror.head, now),
            2 => {
                let Ok(()) = apply::follow(&mut sink, &mut mirror, &mut counts, now);
            }
            _ => {
                let mut builder = Builder::new(EXPECTED.ring_id);
                for _ in 0..count % 16 {
                    builder.push(&[count; 20], 0);
                }
                // Near the head, or far from it.
                let base =
                    if kind & 64 == 0 { mirror.head.saturating_sub(20) } else { u64::from(kind) << 50 };
                let from = (base + u64::from(from)).min(MAX_SEQ);
                let start = from + u64::from(lost % 8);
                let condition = Condition::from_code(condition % 4).unwrap_or(Condition::Live);
                let frame = builder.finish(condition, u64::from(epoch), u64::from(first), from, start);
                let is_asked = wait % 2 == 0;
                let mut is_written = false;
                if !is_asked {
                    // As in a gateway, a frame that just continues the mirror is written at once.
                    let Ok(written) =
                        apply::take_next(&mut sink, &mut mirror, &mut counts, &EXPECTED, &frame, now);
                    is_written = written;
                }
                if !is_written {
                    let frame = (frame, is_asked);
                    let Ok(_) = apply::take(&mut sink, &mut mirror, &mut counts, &EXPECTED, frame, now);
                }
            }
        }
        assert!(sink.parked_bytes() <= PARKED);
        assert_eq!(mirror.head, mirror.published + mirror.skipped);
        assert_eq!((counts.received, counts.skipped), (mirror.published, mirror.skipped));
    }
});
