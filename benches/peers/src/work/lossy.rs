//! A sender that waits for nobody, and a reader that gets what it can.

use std::time::Instant;

use super::as_many_as_fit;
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Lossy, Peer, ReceiveLate, Send, Shape};

/// Messages that tell how many there will be.
const WARM_UP: u64 = 100_000;
/// As [`Word::FoundToo`]: the reader isn't told.
const UNTOLD: u64 = u64::MAX;

/// Messages per second of `W` words, sent and delivered.
pub fn run<P: Lossy, const W: usize>(job: &Job, slots: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream").lossy())?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receiver = <P as Lossy>::late::<W>(&channel)?;
        control.meet(Side::There, 2);
        let (mut tally, mut delivered) = (Tally::default(), 0_u64);
        loop {
            // Looked at first: what was sent before the end is there to be read.
            let ended = control.get(Word::End) != 0;
            let mut got = 0;
            while receiver.receive_late(&mut tally) {
                got += 1;
                if got == slots as u64 {
                    break;
                }
            }
            delivered += got;
            if ended && got == 0 && tally.next == control.get(Word::End) {
                break;
            }
        }
        control.set(Word::Found, delivered);
        control.set(Word::FoundToo, receiver.told_lost().unwrap_or(UNTOLD));
        control.meet(Side::There, 3);
        tally.check_order()
    };
    job.two(P::ACROSS, there, |control| {
        let mut sender = <P as Peer>::sender::<W>(&channel)?;
        control.meet(Side::Here, 1);
        control.meet(Side::Here, 2);
        let began = Instant::now();
        (0..WARM_UP).for_each(|number| sender.send(number));
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, WARM_UP, 1 << 32);
        let began = Instant::now();
        (WARM_UP..WARM_UP + count).for_each(|number| sender.send(number));
        let took = began.elapsed().as_secs_f64();
        let sent = WARM_UP + count;
        control.set(Word::End, sent);
        control.meet(Side::Here, 3);
        let (delivered, told) = (control.get(Word::Found), control.get(Word::FoundToo));
        anyhow::ensure!(
            told == UNTOLD || delivered + told == sent,
            "of {sent} messages {delivered} came, and the reader was told that it lost {told}"
        );
        let share = delivered as f64 / sent as f64;
        let published = count as f64 / took / 1e6;
        Ok(Measured::new([
            ("delivered M msg/s", published * share),
            ("published M msg/s", published),
            ("lost %", (1.0 - share) * 100.0),
            ("loss told", f64::from(told != UNTOLD)),
        ]))
    })
}
