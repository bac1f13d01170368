//! What every placement of a ring offers: its roles.

use core::time::Duration;

use crate::format::error::AttachError;
use crate::format::geometry::Geometry;
use crate::format::message_type::Message;
use crate::format::type_check::{check_type, check_untyped};
use crate::memory::source::Vacancy;
use crate::protocol::message::{Resume, Start};
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::standby::Standby;
use crate::roles::stats::{Monitor, Stats};
use crate::roles::typed::{TypedBestEffortReader, TypedConsumer, TypedObserver, TypedProducer};

/// A ring that this process can take roles on, wherever it lies.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// ring.producer()?.publish(b"hello")?;
/// assert!(matches!(consumer.recv()?, Outcome::Message(message) if message[..] == *b"hello"));
/// # Ok(())
/// # }
/// ```
///
/// # Implementing
/// A crate that places rings elsewhere implements [`RingSource`](crate::placement::RingSource), an unsafe trait. Each
/// type with that trait is a `Ring`, by an implementation for all of them. [`placement`](crate::placement) says how a
/// placement is made.
///
/// This trait isn't meant to be implemented directly. It gets new methods in any version, required ones too.
pub trait Ring {
    /// The ring's shape.
    fn geometry(&self) -> &Geometry;

    /// Whether processes that come now find this ring by the path that it was opened by. If not, its file was removed,
    /// renamed or replaced: the handles that are there go on, and nobody joins them. It asks the system, and may be out
    /// of date at once.
    ///
    /// A ring without a path is always current. So is one whose path can't be looked at: that is no answer. A relative
    /// path is that of the working directory at the opening.
    ///
    /// The answer is about the path as this process sees it now. After `chroot`, `pivot_root`, or a mount over a directory
    /// on the way, the path may lead nowhere although the others find the ring. Such a process mustn't take `false` for
    /// the end of the ring. Where the file system of the path hangs (an automount, a network's directory), so does the
    /// question, and with it each call that waits on this ring, also under [`Wait::Spin`](crate::Wait::Spin).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, file};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("ringway-is-current.{}", std::process::id()));
    /// let ring = file::create(&path, &Config::new())?;
    /// let producer = ring.producer()?;
    /// assert!(ring.is_current() && producer.is_current()?);
    /// std::fs::remove_file(&path)?;
    /// assert!(!ring.is_current() && !producer.is_current()?);
    /// # Ok(())
    /// # }
    /// ```
    fn is_current(&self) -> bool {
        true
    }

    /// Takes the producer's role, whatever the ring carries: its messages must be of the ring's type.
    ///
    /// # Errors
    /// As for [`producer`](Self::producer), but for `Type`.
    fn producer_of_any_type(&self) -> Result<Producer, AttachError>;

    /// Takes the producer's role, for plain bytes. Readers of plain bytes can read any ring.
    ///
    /// # Errors
    /// `ProducerTaken` while another handle has it, in this process or another; `Type` if the ring carries a
    /// type; else see [`AttachError`].
    fn producer(&self) -> Result<Producer, AttachError> {
        check_untyped(self.geometry())?;
        self.producer_of_any_type()
    }

    /// Whether the producer's role looks taken, or something else is in its way, asked without opening or taking
    /// anything. [`next_producer`](Self::next_producer) asks it again and again, and tries to take the role when
    /// the answer is no. It may be out of date at once. A ring that can't tell says no, as this method does if it
    /// isn't implemented: trying then tells why.
    fn producer_looks_taken(&self) -> bool {
        false
    }

    /// What tells that the producer's role may have fallen free, if anything does: see [`Standby`], which asks for it
    /// once.
    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        None
    }

    /// Takes the producer's role for plain bytes as soon as it is free: when the producer closes the ring, drops
    /// its handle or dies. Waits until `timeout` has passed ([`Duration::MAX`]: without end). To be able to stop waiting,
    /// use a [`Standby`] and wait for short times in a loop.
    ///
    /// The wait sleeps until the system tells that a handle of the ring was closed. Then it asks the kernel whether the
    /// role is free, a few times within some milliseconds. It asks each second besides, and every millisecond where
    /// nothing tells: if `inotify` isn't available to the user, or a reader's lock is in the place of the producer's.
    /// What it waited with is ended when the producer is dropped, as that can take the system 20 ms.
    ///
    /// # Errors
    /// As for [`producer`](Self::producer); `ProducerTaken` or `LockHeldByReader` if that is so still when the
    /// time is up.
    ///
    /// # Examples
    /// A standby, which goes on where another process ends:
    /// ```no_run
    /// # use ringway_core::{AttachError, Ring};
    /// # fn standby(ring: &impl Ring) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut producer = ring.next_producer(std::time::Duration::MAX)?;
    /// println!("producer {} of this ring, from message {} on", producer.epoch(), producer.next_seq());
    /// producer.publish(b"still here")?;
    /// # Ok(())
    /// # }
    /// ```
    fn next_producer(&self, timeout: Duration) -> Result<Producer, AttachError> {
        Standby::new(self).next_producer(timeout)
    }

    /// Takes a consumer's role, in whatever cell is free.
    ///
    /// # Errors
    /// `NoFreeCell` if there is none, `Overwritten` if `start` is no longer kept; else see [`AttachError`].
    fn consumer(&self, start: Start) -> Result<Consumer, AttachError>;

    /// Takes an observer's role.
    ///
    /// # Errors
    /// `Overwritten` if `start` is no longer kept; else see [`AttachError`].
    fn observer(&self, start: Start, resume: Resume) -> Result<Observer, AttachError>;

    /// Takes a best-effort reader's role, in whatever cell is free. Where it goes on after it was lapped is set by
    /// [`set_resume`](BestEffortReader::set_resume).
    ///
    /// # Errors
    /// As for [`consumer`](Self::consumer).
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(8))?;
    /// let mut reader = ring.best_effort_reader(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// for seq in 0..100_u64 {
    ///     producer.publish(&seq.to_ne_bytes())?;
    ///     assert!(reader.try_recv()?.is_message()); // it keeps up, and loses nothing
    /// }
    /// assert_eq!((reader.received(), reader.lost()), (100, 0));
    /// # Ok(())
    /// # }
    /// ```
    fn best_effort_reader(&self, start: Start) -> Result<BestEffortReader, AttachError>;

    /// A view of how the ring stands, which any thread may look through. It is an observer's mapping, and holds what an
    /// observer holds.
    ///
    /// # Errors
    /// As for [`observer`](Self::observer).
    fn monitor(&self) -> Result<Monitor, AttachError> {
        Ok(Monitor::new(self.observer(Start::Latest, Resume::Latest)?))
    }

    /// How the ring stands now: looks once, through a [`monitor`](Self::monitor) of its own, which maps the ring. To
    /// look again and again, keep one. It stores nothing in the ring.
    ///
    /// # Errors
    /// As for [`observer`](Self::observer) and [`Monitor::stats`].
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{AttachError, Ring};
    /// # fn show(ring: &impl Ring) -> Result<(), AttachError> {
    /// let stats = ring.stats()?;
    /// println!("{} published, room for {}", stats.head, stats.room());
    /// for consumer in &stats.consumers {
    ///     println!("consumer {} of process {} is {} behind", consumer.cell, consumer.pid, consumer.lag);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn stats(&self) -> Result<Stats, AttachError> {
        self.monitor()?.stats()
    }

    /// Takes the producer's role, for messages of type `T`.
    ///
    /// # Errors
    /// As for [`producer`](Self::producer); `Type` if the ring carries another type.
    fn typed_producer<T: Message>(&self) -> Result<TypedProducer<T>, AttachError>
    where
        Self: Sized,
    {
        check_type::<T>(self.geometry())?;
        Ok(TypedProducer::new(self.producer_of_any_type()?)?)
    }

    /// Takes the producer's role for messages of type `T` as soon as it is free: see
    /// [`next_producer`](Self::next_producer).
    ///
    /// # Errors
    /// As for [`next_producer`](Self::next_producer); `Type` if the ring carries another type.
    fn next_typed_producer<T: Message>(&self, timeout: Duration) -> Result<TypedProducer<T>, AttachError>
    where
        Self: Sized,
    {
        Standby::new(self).once_free(timeout, Self::typed_producer, |typed| &mut typed.handle)
    }

    /// Takes a consumer's role, for messages of type `T`.
    ///
    /// # Errors
    /// As for [`consumer`](Self::consumer); `Type` if the ring carries another type.
    fn typed_consumer<T: Message>(&self, start: Start) -> Result<TypedConsumer<T>, AttachError>
    where
        Self: Sized,
    {
        check_type::<T>(self.geometry())?;
        Ok(TypedConsumer::new(self.consumer(start)?)?)
    }

    /// Takes a best-effort reader's role, for messages of type `T`.
    ///
    /// # Errors
    /// As for [`consumer`](Self::consumer); `Type` if the ring carries another type.
    fn typed_best_effort_reader<T: Message>(
        &self,
        start: Start,
    ) -> Result<TypedBestEffortReader<T>, AttachError>
    where
        Self: Sized,
    {
        check_type::<T>(self.geometry())?;
        Ok(TypedBestEffortReader::new(self.best_effort_reader(start)?)?)
    }

    /// Takes an observer's role, for messages of type `T`.
    ///
    /// # Errors
    /// As for [`observer`](Self::observer); `Type` if the ring carries another type.
    fn typed_observer<T: Message>(
        &self,
        start: Start,
        resume: Resume,
    ) -> Result<TypedObserver<T>, AttachError>
    where
        Self: Sized,
    {
        check_type::<T>(self.geometry())?;
        Ok(TypedObserver::new(self.observer(start, resume)?)?)
    }
}
