//! The words that the kernel compares before it lets a thread sleep. They are 4 bytes long, as a futex is.

use core::marker::PhantomData;
use core::time::Duration;

use crate::memory::access::{Access, ReadWrite};
#[cfg(not(loom))]
use crate::memory::futex;
use crate::ordering::edge::{self, Edge};
#[cfg(not(loom))]
pub(super) use crate::ordering::sync::AtomicU32 as FutexAtomic;
use crate::ordering::sync::Ordering;

/// One atomic 4-byte word of shared memory.
pub(crate) struct FutexWord<'a, A> {
    atomic: &'a FutexAtomic,
    access: PhantomData<A>,
}

impl<'a, A: Access> FutexWord<'a, A> {
    #[inline(always)]
    pub(super) fn new(atomic: &'a FutexAtomic) -> Self {
        Self { atomic, access: PhantomData }
    }

    /// A relaxed load.
    #[inline(always)]
    pub(crate) fn load(&self) -> u32 {
        self.atomic.load(Ordering::Relaxed)
    }

    /// Where the word lies in this process.
    pub(crate) fn address(&self) -> usize {
        core::ptr::from_ref(self.atomic).addr()
    }

    /// Sleeps while the word is `value`, until it is woken or `time` has passed. It may end sooner. Returns whether the
    /// time was up.
    pub(crate) fn wait(&self, value: u32, time: Duration) -> bool {
        #[cfg(loom)]
        return self.atomic.wait(value, time);
        #[cfg(not(loom))]
        futex::wait(self.atomic, value, time)
    }

    /// The same as long as `other` is `other_value`, too. A wake of either word ends it.
    #[cfg(loom)]
    pub(super) fn wait_beside(&self, value: u32, other: &FutexAtomic, other_value: u32) -> bool {
        self.atomic.wait_beside(value, other, other_value)
    }
}

impl FutexWord<'_, ReadWrite> {
    /// A relaxed load of a word that this role alone writes, so that it finds what was stored last.
    pub(crate) fn load_own(&self) -> u32 {
        #[cfg(loom)]
        return self.atomic.load_own();
        #[cfg(not(loom))]
        self.load()
    }

    /// A relaxed store.
    pub(crate) fn store(&self, value: u32) {
        self.atomic.store(value, Ordering::Relaxed);
    }

    /// Adds 1, atomically: a release store, one half of the pair that `edge` names. The next value follows each
    /// earlier one's release, whichever process stored it.
    pub(crate) fn add_one(&self, edge: Edge) {
        self.atomic.fetch_add(1, edge::store_ordering(edge));
    }

    /// Wakes all threads that sleep on the word. Whether there were any.
    pub(crate) fn wake(&self) -> bool {
        #[cfg(loom)]
        return self.atomic.wake();
        #[cfg(not(loom))]
        futex::wake_all(self.atomic)
    }
}

#[cfg(loom)]
pub(super) use model::FutexAtomic;

/// A futex without a kernel.
#[cfg(loom)]
mod model {
    use core::time::Duration;

    use crate::ordering::death;
    use crate::ordering::fault::{Fault, seeded};
    use crate::ordering::sync::{AtomicU32, Mutex, Ordering};

    /// A word, and how many sleep on it.
    ///
    /// The kernel compares the word under a lock. The waker takes the same lock, after it has changed the word.
    /// A modelled sleeper makes no further step: a thread that still sleeps when all is done has slept through a wake.
    pub(in crate::memory) struct FutexAtomic {
        value: AtomicU32,
        asleep: Mutex<u32>,
    }

    impl Default for FutexAtomic {
        fn default() -> Self {
            Self { value: AtomicU32::new(0), asleep: Mutex::new(0) }
        }
    }

    impl FutexAtomic {
        pub(in crate::memory) fn load(&self, ordering: Ordering) -> u32 {
            self.value.load(ordering)
        }

        pub(super) fn load_own(&self) -> u32 {
            self.value.load_own()
        }

        pub(super) fn store(&self, value: u32, ordering: Ordering) {
            self.value.store(value, ordering);
        }

        pub(super) fn fetch_add(&self, value: u32, ordering: Ordering) {
            self.value.fetch_add(value, ordering);
        }

        pub(in crate::memory) fn fetch_or(&self, value: u32, ordering: Ordering) {
            self.value.fetch_or(value, ordering);
        }

        pub(in crate::memory) fn swap(&self, value: u32, ordering: Ordering) -> u32 {
            self.value.swap(value, ordering)
        }

        pub(super) fn wait(&self, value: u32, _time: Duration) -> bool {
            let mut asleep = self.asleep.lock().expect("no model panics and goes on");
            if !death::is_ghost() && self.load(Ordering::Relaxed) == value {
                *asleep += 1;
            }
            false
        }

        /// A sleep on two words, which counts on both: it goes on while neither was woken.
        pub(super) fn wait_beside(&self, value: u32, other: &Self, other_value: u32) -> bool {
            let mut asleep = self.asleep.lock().expect("no model panics and goes on");
            let mut other_asleep = other.asleep.lock().expect("no model panics and goes on");
            let is_same = self.load(Ordering::Relaxed) == value
                && (seeded(Fault::CancelUncompared) || other.load(Ordering::Relaxed) == other_value);
            if !death::is_ghost() && is_same {
                *asleep += 1;
                *other_asleep += 1;
            }
            false
        }

        pub(in crate::memory) fn wake(&self) -> bool {
            if !death::lives() {
                return false;
            }
            let mut asleep = self.asleep.lock().expect("no model panics and goes on");
            core::mem::take(&mut *asleep) != 0
        }

        pub(in crate::memory) fn asleep(&self) -> u32 {
            *self.asleep.lock().expect("no model panics and goes on")
        }
    }
}
