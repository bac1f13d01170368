//! Ends that are made together with their channel, and taken one by one.

use std::sync::Mutex;

use anyhow::Context;

/// The ends of a channel between threads, as far as nobody has taken them.
pub struct Ends<S, R> {
    sender: Mutex<Option<S>>,
    receivers: Mutex<Vec<R>>,
}

impl<S, R> Ends<S, R> {
    /// All of them.
    pub fn new(sender: S, receivers: Vec<R>) -> Self {
        Self { sender: Mutex::new(Some(sender)), receivers: Mutex::new(receivers) }
    }

    /// Takes the sending end.
    pub fn sender(&self) -> anyhow::Result<S> {
        self.sender.lock().expect("nobody panics with it").take().context("the sending end is taken")
    }

    /// Takes a receiving end.
    pub fn receiver(&self) -> anyhow::Result<R> {
        self.receivers.lock().expect("nobody panics with it").pop().context("the receiving ends are taken")
    }
}
