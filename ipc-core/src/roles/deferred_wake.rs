//! Publishing that leaves sleeping readers asleep for now: they are woken later, or once for many messages.

use core::time::Duration;

use crate::format::error::PublishError;
use crate::protocol::doorbell;
use crate::roles::producer::Producer;

impl Producer {
    /// Sets whether publishing leaves readers that sleep asleep. At first it doesn't: it wakes them, which is a system
    /// call of some microseconds.
    ///
    /// A producer that defers its wake-ups makes them by [`wake`](Self::wake): at the end of a burst, say, or where
    /// time isn't short. Another thread can make them by a [`waker`](Self::waker). Until then a reader that sleeps finds
    /// a message at the end of its slice, after 100 ms at most; a reader that polls finds it at once.
    ///
    /// Calls that wait for room wake the readers first, even with [`Wait::Spin`](crate::Wait::Spin): the two sides
    /// never sleep for each other. Calls that don't wait (`try_publish` and the like) wake nobody, but for one case:
    /// where best-effort readers leave no room, they wake the readers before these use up the
    /// [patience](Self::set_patience). With [`Patience::Lap`](crate::Patience::Lap) a reader that sleeps is passed over
    /// all the same.
    ///
    /// Closing the ring, dropping the producer, a takeover and a change of [`WakeMode`](crate::WakeMode) always wake; so
    /// does the end of the deferring.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new())?;
    /// let mut producer = ring.producer()?;
    /// producer.set_deferred_wake(true);
    /// for quote in [b"one", b"two"] {
    ///     producer.publish(quote)?; // no system call, though a reader may sleep
    /// }
    /// let woken = producer.wake()?; // one for both
    /// assert!(!woken, "there is no reader here");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_deferred_wake(&mut self, deferred: bool) {
        self.region.deferral.set_deferred(deferred);
        if !deferred {
            // A handle that can't wake has nobody to wake.
            let _ = self.wake();
        }
    }

    /// Whether publishing leaves readers that sleep asleep.
    pub fn deferred_wake(&self) -> bool {
        self.region.deferral.is_deferred()
    }

    /// Sets the time in which publishing wakes readers once at most; zero, as at first, for each time that a reader
    /// sleeps.
    ///
    /// It makes one wake-up of those of a burst. The first message that finds a reader asleep wakes it at once, if
    /// publishing has woken nobody for this time. What is published to a reader that has fallen asleep again within the
    /// time doesn't wake it. A message that finds it asleep after the time does.
    ///
    /// The last messages of a burst wait for no later one. Readers know the time, and sleep no longer than it until it
    /// is over: each sees a message at most that much later than it was published. So it suits streams whose readers
    /// take each wake-up badly, or whose producer does, and can wait so long: some 10 to 1000 microseconds. A time
    /// above 100 ms comes to 100 ms. [`wake`](Self::wake) wakes without waiting, as do the calls that
    /// [`set_deferred_wake`](Self::set_deferred_wake) names.
    ///
    /// Programs that read the ring without this library may not know the time. They sleep for 100 ms at most.
    ///
    /// # Errors
    /// `Closed`, `Deposed`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new())?;
    /// let mut producer = ring.producer()?;
    /// producer.set_wake_every(Duration::from_micros(200))?;
    /// for line in 0..1000_u64 {
    ///     producer.publish(&line.to_ne_bytes())?; // at most one wake-up in 200 microseconds
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_wake_every(&mut self, every: Duration) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_open()?;
        self.check_epoch()?;
        // A reader that goes by the time before has the doorbell's value before, and the next ring is at once.
        #[cfg(not(loom))]
        doorbell::store_wake_every(&self.region, every);
        self.region.deferral.set_every(every);
        if every.is_zero() {
            doorbell::wake(&self.region);
        }
        Ok(self.region.fork.check_after()?)
    }

    /// The time in which publishing wakes readers once at most.
    pub fn wake_every(&self) -> Duration {
        self.region.deferral.every()
    }

    /// Wakes the readers that sleep, whatever publishing has left asleep. Whether there were any. Where none sleeps it
    /// costs no system call; in a [`Fenced`](crate::WakeMode::Fenced) epoch it costs a fence.
    ///
    /// It is for producers that [defer](Self::set_deferred_wake) their wake-ups, or [space](Self::set_wake_every) them.
    /// For others it does nothing: publishing has woken the readers. An observer counts among those woken, but doesn't
    /// cause a wake-up.
    ///
    /// # Errors
    /// `Closed`, `Deposed`, `Forked`, `Truncated`.
    pub fn wake(&mut self) -> Result<bool, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_open()?;
        self.check_epoch()?;
        let woken = doorbell::wake(&self.region);
        self.region.fork.check_after()?;
        Ok(woken)
    }
}
