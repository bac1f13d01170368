//! What the producer of messages of a type is and does besides publishing: as [`Producer`].

use core::time::Duration;

use super::TypedProducer;
use crate::format::error::{AttachError, PublishError};
use crate::format::message_type::Message;
use crate::protocol::doorbell::WakeMode;
use crate::protocol::passing_over::PassedOver;
use crate::protocol::patience::Patience;
use crate::protocol::wait::Wait;
use crate::roles::reader_waker::ReaderWaker;

impl<T: Message> TypedProducer<T> {
    /// Sets how calls that wait for room pass the time: see [`Producer::set_wait`](crate::Producer::set_wait).
    pub fn set_wait(&mut self, wait: Wait) {
        self.handle.set_wait(wait);
    }

    /// How calls that wait for room pass the time.
    pub fn wait(&self) -> Wait {
        self.handle.wait()
    }

    /// The number of this producer's incarnation, from 1.
    pub fn epoch(&self) -> u64 {
        self.handle.epoch()
    }

    /// How this producer's readers are woken: see [`Producer::wake_mode`](crate::Producer::wake_mode).
    ///
    /// # Errors
    /// As for [`Producer::wake_mode`](crate::Producer::wake_mode).
    pub fn wake_mode(&self) -> Result<WakeMode, PublishError> {
        self.handle.wake_mode()
    }

    /// Chooses how readers are woken: see [`Producer::set_wake_mode`](crate::Producer::set_wake_mode).
    ///
    /// # Errors
    /// As for [`Producer::set_wake_mode`](crate::Producer::set_wake_mode).
    pub fn set_wake_mode(&mut self, mode: WakeMode) -> Result<WakeMode, PublishError> {
        self.handle.set_wake_mode(mode)
    }

    /// Sets whether publishing leaves readers that sleep asleep: see
    /// [`Producer::set_deferred_wake`](crate::Producer::set_deferred_wake).
    pub fn set_deferred_wake(&mut self, deferred: bool) {
        self.handle.set_deferred_wake(deferred);
    }

    /// Whether publishing leaves readers that sleep asleep.
    pub fn deferred_wake(&self) -> bool {
        self.handle.deferred_wake()
    }

    /// Sets the time in which publishing wakes readers once at most: see
    /// [`Producer::set_wake_every`](crate::Producer::set_wake_every).
    ///
    /// # Errors
    /// As for [`Producer::set_wake_every`](crate::Producer::set_wake_every).
    pub fn set_wake_every(&mut self, every: Duration) -> Result<(), PublishError> {
        self.handle.set_wake_every(every)
    }

    /// The time in which publishing wakes readers once at most.
    pub fn wake_every(&self) -> Duration {
        self.handle.wake_every()
    }

    /// Wakes the readers that sleep: see [`Producer::wake`](crate::Producer::wake).
    ///
    /// # Errors
    /// As for [`Producer::wake`](crate::Producer::wake).
    pub fn wake(&mut self) -> Result<bool, PublishError> {
        self.handle.wake()
    }

    /// A handle by which another thread wakes this ring's readers: see [`Producer::waker`](crate::Producer::waker).
    ///
    /// # Errors
    /// As for [`Producer::waker`](crate::Producer::waker).
    pub fn waker(&self) -> Result<ReaderWaker, AttachError> {
        self.handle.waker()
    }

    /// Sets whether this producer publishes only while consumers are attached: see
    /// [`Producer::require_readers`](crate::Producer::require_readers).
    pub fn require_readers(&mut self, requires: bool) {
        self.handle.require_readers(requires);
    }

    /// Sets how long best-effort readers may hold this producer back: see
    /// [`Producer::set_patience`](crate::Producer::set_patience).
    pub fn set_patience(&mut self, patience: Patience) {
        self.handle.set_patience(patience);
    }

    /// How long best-effort readers may hold this producer back.
    pub fn patience(&self) -> Patience {
        self.handle.patience()
    }

    /// The best-effort readers that this producer has passed over: see
    /// [`Producer::passed_over`](crate::Producer::passed_over).
    ///
    /// # Errors
    /// As for [`Producer::passed_over`](crate::Producer::passed_over).
    pub fn passed_over(&mut self) -> Result<&[PassedOver], PublishError> {
        self.handle.passed_over()
    }

    /// How often producers of this ring have passed over a best-effort reader: see
    /// [`Producer::times_passed_over`](crate::Producer::times_passed_over).
    ///
    /// # Errors
    /// As for [`Producer::times_passed_over`](crate::Producer::times_passed_over).
    pub fn times_passed_over(&self) -> Result<u64, PublishError> {
        self.handle.times_passed_over()
    }

    /// How many messages may be written before the consumers' cursors are read again: see
    /// [`Producer::room`](crate::Producer::room).
    pub fn room(&self) -> u64 {
        self.handle.room()
    }

    /// How many messages there is room for now: see [`Producer::count_room`](crate::Producer::count_room).
    ///
    /// # Errors
    /// As for [`Producer::count_room`](crate::Producer::count_room).
    pub fn count_room(&mut self) -> Result<u64, PublishError> {
        self.handle.count_room()
    }

    /// Sets whether dropping this producer closes the ring: see
    /// [`Producer::close_on_drop`](crate::Producer::close_on_drop).
    pub fn close_on_drop(&mut self, closes: bool) {
        self.handle.close_on_drop(closes);
    }

    /// Closes the ring: see [`Producer::close`](crate::Producer::close).
    ///
    /// # Errors
    /// As for [`Producer::close`](crate::Producer::close).
    pub fn close(&mut self) -> Result<(), PublishError> {
        self.handle.close()
    }
}
