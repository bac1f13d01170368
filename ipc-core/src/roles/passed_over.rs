//! What a producer says of the best-effort readers that it passes over.

use crate::format::error::PublishError;
use crate::protocol::passing_over::PassedOver;
use crate::protocol::patience::Patience;
use crate::roles::producer::Producer;

impl Producer {
    /// Sets how long best-effort readers may hold this producer back. At first:
    /// [`Patience::Time`] of 100 ms. Consumers hold it back without end.
    ///
    /// The time that readers have used up already is kept.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Patience, Producer};
    /// # use std::time::Duration;
    /// fn be_quick(producer: &mut Producer) {
    ///     producer.set_patience(Patience::Time(Duration::from_millis(5)));
    /// }
    /// ```
    pub fn set_patience(&mut self, patience: Patience) {
        self.scanner.clock.patience = patience;
        // The next call scans, and goes by it.
        self.scanner.forget();
    }

    /// How long best-effort readers may hold this producer back.
    pub fn patience(&self) -> Patience {
        self.scanner.clock.patience
    }

    /// The best-effort readers that this producer has passed over: one for each cell at most, in the order in which
    /// each was passed over first. A reader of another process, user or name in the same cell takes its predecessor's
    /// place once it is passed over itself.
    ///
    /// What the cells say is read anew by each call. All of it is out of date at once, and what readers say of themselves
    /// (`pid`, `uid`, `name`, `lost`) are hints. Two readers that say the same count as one.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Producer, PublishError};
    /// fn report(producer: &mut Producer) -> Result<(), PublishError> {
    ///     for reader in producer.passed_over()? {
    ///         println!("process {}: passed over {} times, lost {}", reader.pid, reader.times, reader.lost);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn passed_over(&mut self) -> Result<&[PassedOver], PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.scanner.look_at_passed_over(&self.region);
        self.region.fork.check_after()?;
        Ok(self.scanner.passed_over())
    }

    /// How often producers of this ring have passed over a best-effort reader, as they have counted; for display.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    pub fn times_passed_over(&self) -> Result<u64, PublishError> {
        self.region.read(|region| Ok(self.scanner.times_passed_over(region)))
    }
}
