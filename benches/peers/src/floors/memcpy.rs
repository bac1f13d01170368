//! What one core copies in its own cache: the floor of whatever copies messages.

use std::hint::black_box;
use std::time::Instant;

use crate::crew::{Job, Measured};
use crate::message::Msg;
use crate::work::as_many_as_fit;

/// Copies that tell how many there will be.
const WARM_UP: u64 = 1_000;

/// As it is printed.
pub const NAME: &str = "memcpy, in cache (floor)";

/// Bytes per second, in messages of `W` words.
pub fn run<const W: usize>(job: &Job) -> anyhow::Result<Measured> {
    let (from, mut to) = (Box::new(Msg::<W>::new(7)), Box::new(Msg::<W>::new(0)));
    let mut copy = |count: u64| {
        let began = Instant::now();
        for _ in 0..count {
            *black_box(&mut *to) = *black_box(&*from);
        }
        began.elapsed()
    };
    let took = copy(WARM_UP);
    let count = as_many_as_fit(job.time, took, WARM_UP, WARM_UP, 1 << 32);
    let took = copy(count).as_secs_f64();
    anyhow::ensure!(to == from, "the copy differs");
    let per_second = count as f64 / took;
    Ok(Measured::new([
        ("M msg/s", per_second / 1e6),
        ("GB/s", per_second * Msg::<W>::BYTES as f64 / 1e9),
        ("messages", count as f64),
    ]))
}
