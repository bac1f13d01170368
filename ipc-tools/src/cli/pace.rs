//! How many messages may go now, when there is a rate to keep.

use std::time::{Duration, Instant};

/// What a stall is made up for at most: a longer one shifts the schedule.
const ARREARS: Duration = Duration::from_millis(100);

/// A schedule of so many messages a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: f64,
    /// When the next message is due; nothing before the first.
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: f64) -> Self {
        Self { rate, next: None }
    }

    /// Number of messages that are due, or how long it is until the next one is.
    pub(super) fn due(&mut self, now: Instant) -> Result<usize, Duration> {
        let next = *self.next.get_or_insert(now);
        match now.checked_duration_since(next) {
            None => Err(next - now),
            Some(late) => {
                if late > ARREARS {
                    self.next = Some(now - ARREARS);
                }
                Ok((late.min(ARREARS).as_secs_f64() * self.rate) as usize + 1)
            }
        }
    }

    /// Takes note that `n` messages have gone.
    pub(super) fn spend(&mut self, n: usize) {
        if let Some(next) = &mut self.next {
            *next += Duration::try_from_secs_f64(n as f64 / self.rate).unwrap_or(Duration::MAX / 4);
        }
    }
}

/// Messages a second: a number above 0, and not too small to wait for.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 1e-6 => Ok(rate),
        _ => Err("expected messages a second, a number from 0.000001 on: 10, 0.5, 1e6".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_one_after_another_and_a_stall_is_made_up_for_in_part() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut pace = Pace::new(100.0);
        assert_eq!(pace.due(at(0)), Ok(1));
        pace.spend(1);
        assert_eq!(pace.due(at(4)), Err(Duration::from_millis(6)));
        assert_eq!(pace.due(at(35)), Ok(3));
        pace.spend(3);
        // Ten seconds later there aren't a thousand to catch up with.
        assert_eq!(pace.due(at(10_000)), Ok(11));
        pace.spend(11);
        assert!(pace.due(at(10_000)).is_err());
    }

    #[test]
    fn a_rate_is_a_number_above_zero() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for text in ["", "0", "-1", "inf", "NaN", "ten", "1e-9"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
