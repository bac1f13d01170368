//! A typed handle is waited for as the one that it is made of.

use super::Typed;
use crate::memory::cancel_word::Cancelling;
use crate::memory::sleep_ticket::SleepTicket;
use crate::protocol::doorbell::Prepared;
use crate::roles::waitable::{Phases, Readiness, pass_on};

impl<H: Phases, T> Phases for Typed<H, T> {
    pass_on!(self => self.handle);
}
