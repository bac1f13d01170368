//! A standby: what wants to be the producer as soon as nobody else is, and sleeps until then.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use crate::format::error::AttachError;
use crate::memory::source::Vacancy;
use crate::roles::producer::Producer;
use crate::roles::ring::Ring;

/// How often the kernel is asked where nothing tells when the role may have fallen free.
const POLL: Duration = Duration::from_millis(1);
/// How long a standby sleeps at most, whatever it is told: a lock may fall free without an event.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The first pause after an event, which comes just before the kernel frees the lock. Each pause is twice the last.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
/// The pause after which the event counts as that of another handle.
const LAST_PAUSE: Duration = Duration::from_millis(4);

/// A process that waits for the producer's role of a ring, to go on where another ends.
///
/// [`Ring::next_producer`] is the same for one wait. A standby that waits for short times in a loop, to see to other
/// things in between, sets up its wait once and keeps it.
///
/// It sleeps until the system tells that a handle of the ring was closed, as happens when a producer is dropped or
/// dies, and then asks the kernel whether the role is free. It asks each second, too. Where the system tells of
/// nothing it asks every millisecond: see [`Ring::next_producer`].
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
///
/// use ringway_core::{Ring, Standby};
///
/// # fn stopped() -> bool { true }
/// # fn standby(ring: &impl Ring) -> Result<(), Box<dyn std::error::Error>> {
/// let mut standby = Standby::new(ring);
/// while !standby.wait(Duration::from_millis(100)) {
///     if stopped() {
///         return Ok(());
///     }
/// }
/// let mut producer = standby.next_producer(Duration::MAX)?;
/// producer.publish(b"still here")?;
/// # Ok(())
/// # }
/// ```
pub struct Standby<'r, R: ?Sized> {
    ring: &'r R,
    /// `None` until the first wait; then what tells of changes, if anything does.
    vacancy: Option<Option<Box<dyn Vacancy>>>,
    /// Whether a reader's lock is in the way. Other programs free such locks without closing anything.
    by_reader: bool,
}

impl<R: ?Sized> fmt::Debug for Standby<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standby").field("vacancy", &self.vacancy).finish_non_exhaustive()
    }
}

impl<'r, R: Ring + ?Sized> Standby<'r, R> {
    /// A standby for the producer's role of `ring`. It holds nothing of the ring.
    pub fn new(ring: &'r R) -> Self {
        Self { ring, vacancy: None, by_reader: false }
    }

    /// Waits until the role looks free, for `timeout` at most ([`Duration::MAX`]: without end). Whether it does: another
    /// standby may be quicker, and a ring that can't tell always does.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let end = Instant::now().checked_add(timeout);
        let left = || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let (ring, by_reader) = (self.ring, self.by_reader);
        let vacancy = self.vacancy.get_or_insert_with(|| ring.producer_vacancy());
        loop {
            // Before the look: what changes after it ends the sleep.
            let armed = !by_reader && vacancy.as_mut().is_some_and(|vacancy| vacancy.arm());
            if !ring.producer_looks_taken() {
                return true;
            }
            let time = left();
            if time.is_zero() {
                return false;
            }
            let told = match vacancy {
                Some(vacancy) if armed => vacancy.wait(time.min(LONGEST_SLEEP)),
                _ => {
                    std::thread::sleep(time.min(POLL));
                    false
                }
            };
            let mut pause = FIRST_PAUSE;
            while told && pause <= LAST_PAUSE && !left().is_zero() {
                if !ring.producer_looks_taken() {
                    return true;
                }
                std::thread::sleep(pause.min(left()));
                pause *= 2;
            }
        }
    }

    /// Tries once to take the role, whatever the ring carries: see [`Ring::producer_of_any_type`].
    ///
    /// # Errors
    /// As for [`Ring::producer_of_any_type`].
    pub fn producer_of_any_type(&mut self) -> Result<Producer, AttachError> {
        self.once_free(Duration::ZERO, |ring| ring.producer_of_any_type(), |producer| producer)
    }

    /// Takes the role for plain bytes as soon as it is free: see [`Ring::next_producer`].
    ///
    /// # Errors
    /// As for [`Ring::next_producer`].
    pub fn next_producer(&mut self, timeout: Duration) -> Result<Producer, AttachError> {
        self.once_free(timeout, |ring| ring.producer(), |producer| producer)
    }

    /// Tries to take the role until it isn't taken.
    pub(crate) fn once_free<P>(
        &mut self,
        timeout: Duration,
        attempt: impl Fn(&R) -> Result<P, AttachError>,
        handle: impl FnOnce(&mut P) -> &mut Producer,
    ) -> Result<P, AttachError> {
        let began = Instant::now();
        loop {
            let found = attempt(self.ring);
            self.by_reader = matches!(found, Err(AttachError::LockHeldByReader { .. }));
            let mut role = match found {
                Err(AttachError::ProducerTaken { .. } | AttachError::LockHeldByReader { .. })
                    if began.elapsed() < timeout =>
                {
                    // Trying costs many times what asking costs, and a ring that can't tell looks free. The last try,
                    // when the time is up, says what is in the way.
                    std::thread::sleep(POLL.min(timeout.saturating_sub(began.elapsed())));
                    let _ = self.wait(timeout.saturating_sub(began.elapsed()));
                    continue;
                }
                other => other?,
            };
            if let Some(mut vacancy) = self.vacancy.take().flatten() {
                vacancy.disarm();
                handle(&mut role).aside = Some(vacancy);
            }
            return Ok(role);
        }
    }
}
