//! Whether a role's ring is still found by the path that it was opened by.

use crate::format::error::Forked;
use crate::memory::access::Role;
use crate::memory::region::Region;
#[cfg(doc)]
use crate::protocol::message::Outcome;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
#[cfg(doc)]
use crate::roles::ring::Ring;

fn is_current<R: Role>(region: &Region<R>) -> Result<bool, Forked> {
    // The path isn't in the ring's memory.
    region.fork.check_fork()?;
    Ok(region.keeper.is_current())
}

impl Producer {
    /// Whether processes that come now find this producer's ring: see [`Ring::is_current`]. A producer that isn't told
    /// otherwise publishes for ever into a file that nobody can open any more. So a program that runs for long asks now
    /// and then, and ends or makes the ring anew. It is a system call.
    ///
    /// # Errors
    /// `Forked` in a forked child.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Producer;
    /// # fn run(mut producer: Producer) -> Result<(), Box<dyn std::error::Error>> {
    /// for tick in 0_u64.. {
    ///     producer.publish(&tick.to_le_bytes())?;
    ///     if tick.is_multiple_of(1 << 20) && !producer.is_current()? {
    ///         return Err("the ring was removed or replaced".into());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_current(&self) -> Result<bool, Forked> {
        is_current(&self.region)
    }
}

impl Consumer {
    /// Whether processes that come now find this consumer's ring: see [`Ring::is_current`]. Calls that wait tell of it
    /// as [`Outcome::Orphaned`]; one that polls asks.
    ///
    /// # Errors
    /// `Forked` in a forked child.
    pub fn is_current(&self) -> Result<bool, Forked> {
        is_current(&self.cursor.region)
    }
}

impl BestEffortReader {
    /// Whether processes that come now find this reader's ring: see [`Consumer::is_current`].
    ///
    /// # Errors
    /// As for [`Consumer::is_current`].
    pub fn is_current(&self) -> Result<bool, Forked> {
        is_current(&self.cursor.region)
    }
}

impl Observer {
    /// Whether processes that come now find this observer's ring: see [`Consumer::is_current`].
    ///
    /// # Errors
    /// As for [`Consumer::is_current`].
    pub fn is_current(&self) -> Result<bool, Forked> {
        is_current(&self.region)
    }
}
