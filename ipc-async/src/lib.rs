//! Ringway's handles in async tasks, on any runtime.
//!
//! Programs use `ringway` with its feature `async`, where this crate is `ringway::aio`. It knows no runtime: a task is
//! woken through its [`Waker`](std::task::Waker), by a thread of this crate's that sleeps for up to 127 rings at once.
//! That thread starts when the first task waits. It takes no processor time while nothing happens, and it looks at no
//! ring's memory.
//!
//! | for | see |
//! |---|---|
//! | reading in a task | [`AsyncConsumer`], [`AsyncBestEffortReader`], [`AsyncObserver`], [`MessageStream`] |
//! | publishing in a task | [`AsyncProducer`] |
//! | waiting by other means: another runtime, an `eventfd` | [`Registration`] |
//!
//! # Forking
//! A forked child has none of its parent's threads, and its parent's handles are refused in it, as ever. For handles of
//! its own it gets threads of its own.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod sleeping;
mod system;
#[cfg(not(loom))]
mod tasks;
#[cfg(not(loom))]
mod waiting;

#[cfg(not(loom))]
pub use tasks::best_effort::AsyncBestEffortReader;
#[cfg(not(loom))]
pub use tasks::consumer::AsyncConsumer;
#[cfg(not(loom))]
pub use tasks::observer::AsyncObserver;
#[cfg(not(loom))]
pub use tasks::producer::AsyncProducer;
#[cfg(not(loom))]
pub use tasks::stream::{MessageStream, Source};
#[cfg(not(loom))]
pub use waiting::registration::Registration;
