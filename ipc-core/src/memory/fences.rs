//! The fences of which one side can be spared: where the other side has the kernel execute them (membarrier).

use crate::format::layout::{blocked_on, producer_page, wake_mode};
use crate::memory::ProducerPage;
use crate::memory::access::{Access, ReadWrite, Role};
use crate::memory::region::Region;
use crate::ordering::edge::Edge;
#[cfg(loom)]
use crate::ordering::edge::fence;
use crate::ordering::membarrier;
#[cfg(not(loom))]
use crate::ordering::sync;

impl<A: Access> ProducerPage<A> {
    /// Whether the producer leaves the fences to the threads that go to sleep.
    pub(crate) fn is_asymmetric(&self) -> bool {
        self.word::<{ producer_page::WAKE_MODE }>().load() == wake_mode::ASYMMETRIC
    }
}

impl ProducerPage<ReadWrite> {
    /// The same, as this producer set it.
    pub(crate) fn own_is_asymmetric(&self) -> bool {
        self.word::<{ producer_page::WAKE_MODE }>().load_own() == wake_mode::ASYMMETRIC
    }

    /// What `blocked_on` holds while the producer waits for nobody.
    pub(crate) fn blocked_on_nobody(&self) -> u64 {
        if self.own_is_asymmetric() { 0 } else { blocked_on::LOOK }
    }
}

/// The fence that `edge` names, on the side that is spared it where the other side has a
/// [`heavy_fence`]: all that is left is to keep the compiler from reordering. A model knows no difference
/// between a fence and somebody else's that the kernel executes here; there it is one, if a sleeper may ask for
/// it.
#[inline(always)]
pub(crate) fn light_fence<R: Role>(edge: Edge, region: &Region<R>) {
    #[cfg(loom)]
    if region.barriers && (region.producer_page.is_asymmetric() || goes_by_the_mode_before(edge, region)) {
        fence(edge);
    }
    #[cfg(not(loom))]
    {
        let _ = (edge, region);
        sync::compiler_fence();
    }
}

/// Whether a consumer goes by the asymmetric mode though a fenced one has begun: the producer that began it has had
/// it execute a fence.
#[cfg(loom)]
fn goes_by_the_mode_before<R: Role>(edge: Edge, region: &Region<R>) -> bool {
    edge == Edge::P1
        && !crate::ordering::fault::seeded(crate::ordering::fault::Fault::ModeWithoutBarrier)
        && region.producer_page.word::<{ producer_page::BLOCKED_ON }>().load() & blocked_on::LOOK == 0
}

/// The fence that `edge` names, and one on every processor where a registered process runs. Whether the kernel
/// did that.
pub(crate) fn heavy_fence(edge: Edge) -> bool {
    #[cfg(loom)]
    fence(edge);
    #[cfg(not(loom))]
    let _ = edge;
    membarrier::barrier()
}
