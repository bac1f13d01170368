//! A producer that open claims share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::prelude::*;

use crate::claim_view::ClaimView;
use crate::errors;
use crate::fork::{self, Slots};
use crate::hold::try_lock;

/// A producer, and what is claimed of its ring.
pub struct Shared {
    pub producer: Mutex<Option<ringway::Producer>>,
    /// How many tokens there are: the producer publishes nothing else meanwhile.
    claims: AtomicUsize,
    /// Whether the producer gives up its role once there is no token.
    leaving: AtomicBool,
    pub mapped: Mutex<Option<Slots>>,
    generation: u32,
}

type Borrowed<'s> = MutexGuard<'s, Option<ringway::Producer>>;

impl Shared {
    /// A producer without claims.
    pub fn new(producer: ringway::Producer) -> Self {
        Self {
            producer: Mutex::new(Some(producer)),
            claims: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            mapped: Mutex::default(),
            generation: fork::generation(),
        }
    }

    /// The producer, for one call.
    pub fn borrow(&self, py: Python<'_>) -> PyResult<Borrowed<'_>> {
        if self.generation != fork::generation() {
            return Err(errors::forked(py));
        }
        try_lock(&self.producer).ok_or_else(|| errors::in_use(py, "producer"))
    }

    /// The producer, for a call that publishes.
    pub fn borrow_unclaimed(&self, py: Python<'_>) -> PyResult<Borrowed<'_>> {
        let borrowed = self.borrow(py)?;
        if self.claims.load(Ordering::Relaxed) != 0 && borrowed.is_some() {
            let text = "this producer has a claim that is open, or arrays over one that was abandoned: commit or abandon it, and delete the arrays";
            return Err(errors::error(py, "ClaimOpen", text));
        }
        Ok(borrowed)
    }

    /// Gives up the role, now or with the last claim.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.leave_if_unclaimed();
    }

    fn leave_if_unclaimed(&self) {
        if self.leaving.load(Ordering::Relaxed)
            && self.claims.load(Ordering::Relaxed) == 0
            && let Some(mut producer) = try_lock(&self.producer)
        {
            drop(producer.take());
        }
    }
}

/// A claim's part of a producer: as long as it lives, the producer publishes nothing else, and stays mapped.
pub struct Token(Arc<Shared>);

impl Token {
    /// A claim of this producer's.
    pub fn new(shared: &Arc<Shared>) -> Self {
        shared.claims.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }

    /// Whether the claim is the parent process's.
    pub fn is_forked(&self) -> bool {
        self.0.generation != fork::generation()
    }

    /// Publishes the first `len` bytes of a claim of `claimed`.
    pub fn commit(
        self,
        py: Python<'_>,
        view: &ClaimView,
        claimed: usize,
        len: usize,
        tag: u32,
    ) -> PyResult<u64> {
        let mut borrowed = self.0.borrow(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        let published = match view.staged(len) {
            _ if len > claimed => {
                producer.try_claim_raw(claimed).and_then(|claim| claim.commit_len_tagged(len, tag))
            }
            Some(bytes) => producer.try_publish_tagged(bytes, tag),
            // The same slot again: nothing was published since it was claimed.
            None => producer.try_claim_raw(claimed).and_then(|claim| claim.commit_len_tagged(len, tag)),
        };
        published.map_err(|why| errors::publish(py, &why))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.claims.fetch_sub(1, Ordering::Relaxed);
        self.0.leave_if_unclaimed();
    }
}
