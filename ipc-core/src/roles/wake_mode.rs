//! How a producer's readers are woken: chosen per producer.

use crate::format::error::PublishError;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, WakeMode};
use crate::roles::producer::Producer;

impl Producer {
    /// How this producer's readers are woken.
    ///
    /// # Errors
    /// `Closed`, `Forked` in a forked child, `Truncated`.
    pub fn wake_mode(&self) -> Result<WakeMode, PublishError> {
        self.check_open()?;
        self.region.read(|region| {
            let asymmetric = region.producer_page.own_is_asymmetric();
            Ok(if asymmetric { WakeMode::Asymmetric } else { WakeMode::Fenced })
        })
    }

    /// Chooses how this producer's readers are woken; returns how they are. At first: `Asymmetric`, if the
    /// kernel lets this process take part in it and the ring's handle doesn't decline it, else `Fenced`, which is
    /// then the only choice.
    ///
    /// In `Asymmetric` mode, a side that goes to sleep interrupts all processes that take part, for some microseconds.
    /// A process takes part once it has been a producer or a consumer of any ring, until it ends. `Fenced` is for
    /// machines on which that matters: it spares the others. To be spared by all of them, a process opens its rings
    /// by handles that decline membarrier (`membarrier(false)` of their options).
    ///
    /// # Errors
    /// `Closed`, `Deposed`, `Forked`, `Truncated`.
    pub fn set_wake_mode(&mut self, mode: WakeMode) -> Result<WakeMode, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_open()?;
        self.check_epoch()?;
        let mode =
            if mode == WakeMode::Asymmetric && !self.region.register() { WakeMode::Fenced } else { mode };
        doorbell::store_mode(&self.region, mode);
        if !seeded(Fault::ModeWithoutBell) {
            doorbell::ring(&self.region);
        }
        self.region.fork.check_after()?;
        Ok(mode)
    }
}
