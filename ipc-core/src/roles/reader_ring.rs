//! The way back from a role to its ring, and from a consumer to another at the same place.
//!
//! # Safety
//! A clone joins a cell whose lock its region holds, on the ring of the consumer that is cloned.

#![allow(unsafe_code)]

use crate::format::error::AttachError;
use crate::format::message_type::Message;
use crate::memory::access::AsConsumer;
use crate::memory::region::Region;
use crate::protocol::{join, space_bell};
use crate::roles::any_ring::AnyRing;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::cursor::Cursor;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::typed::TypedConsumer;

impl Producer {
    /// The ring that this role was taken on: see [`Consumer::ring`].
    ///
    /// # Errors
    /// As for [`Consumer::ring`].
    pub fn ring(&self) -> Result<AnyRing, AttachError> {
        AnyRing::of(&self.region)
    }
}

impl Observer {
    /// The ring that this role was taken on: see [`Consumer::ring`].
    ///
    /// # Errors
    /// As for [`Consumer::ring`].
    pub fn ring(&self) -> Result<AnyRing, AttachError> {
        AnyRing::of(&self.region)
    }
}

impl BestEffortReader {
    /// The ring that this role was taken on: see [`Consumer::ring`].
    ///
    /// # Errors
    /// As for [`Consumer::ring`].
    pub fn ring(&self) -> Result<AnyRing, AttachError> {
        AnyRing::of(&self.cursor.region)
    }
}

impl Consumer {
    /// The ring that this role was taken on, to take other roles.
    ///
    /// It is there even if the handle that the role was taken on is dropped. A role keeps its ring in use by a lock of
    /// its own and holds no handle. So each call makes a new handle, as opening the ring again would. For a file it
    /// opens a descriptor, and locks the file against removal until the result is dropped. In anonymous memory the role
    /// and the handle share the memory.
    ///
    /// # Errors
    /// `NotPermitted` if the process has changed its user and may not open the file any more; `ProcUnavailable`, `Os`,
    /// `Forked`, `Truncated`; `Detached` for a role that was taken on a mapping of the caller's.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{Consumer, Resume, Ring, Start};
    /// # fn watch(consumer: &Consumer) -> Result<(), Box<dyn std::error::Error>> {
    /// let observer = consumer.ring()?.observer(Start::Newest(16), Resume::Latest)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ring(&self) -> Result<AnyRing, AttachError> {
        AnyRing::of(&self.cursor.region)
    }

    /// Another consumer, which reads next what this one reads next, be it a lap old: it can't fail as `Overwritten`.
    /// From then on each goes its own way, and each holds the producer back.
    ///
    /// The clone has a cell, locks and a mapping of its own, like any consumer. It waits and coalesces as this one
    /// does, and has its name. Events that this consumer has reported aren't reported to the clone.
    ///
    /// # Errors
    /// `NoFreeCell` if all cells are held; else as for [`ring`](Self::ring) and
    /// [`Ring::consumer`](crate::Ring::consumer).
    ///
    /// # Examples
    /// Two threads that each read everything from here on:
    /// ```no_run
    /// # use ringway_core::Consumer;
    /// # fn fan_out(mut consumer: Consumer) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut clone = consumer.try_clone()?;
    /// assert_eq!(clone.next_seq(), consumer.next_seq());
    /// let other = std::thread::spawn(move || {
    ///     while let Ok(Some(message)) = clone.try_recv().map(ringway_core::Outcome::into_message) {
    ///         println!("{}", message.seq());
    ///     }
    /// });
    /// println!("here: {:?}", consumer.try_recv()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> Result<Self, AttachError> {
        let own = &self.cursor.region;
        own.fork.check()?;
        let (region, cell) = own.keeper.ring()?.consumer_region()?;
        // SAFETY: the region is of this consumer's ring and owns the lock of this cell, by the contract of the source.
        unsafe { self.clone_into(region, cell) }
    }

    /// Takes a consumer's role at this consumer's position on a mapped ring, in `cell`: see
    /// [`try_clone`](Self::try_clone).
    ///
    /// # Errors
    /// `Forked`, `Truncated`. The cell is free again then.
    ///
    /// # Panics
    /// If the ring has no such cell.
    ///
    /// # Safety
    /// As for [`join`](Self::join); and the region is of this consumer's ring.
    pub unsafe fn clone_into(&self, region: Region<AsConsumer>, cell: usize) -> Result<Self, AttachError> {
        let next = self.cursor.next();
        let region = region.with_name(self.cursor.region.name);
        space_bell::introduce(&region, cell);
        join::join_beside(&region, cell, next);
        // A cell is kept for the clone only by a consumer that is there: in a forked child it isn't.
        let sound = self.cursor.region.fork.check().and(region.fork.check_after());
        match sound {
            Ok(()) => {
                let mut clone = Self::at(Cursor::new(region, cell, next), self.wait, self.why_empty.clone());
                clone.set_coalescing(self.coalescing());
                Ok(clone)
            }
            Err(error) => {
                join::leave(&region, cell);
                Err(error.into())
            }
        }
    }
}

impl<T: Message> TypedConsumer<T> {
    /// Another consumer, which reads next what this one reads next: see [`Consumer::try_clone`].
    ///
    /// # Errors
    /// As for [`Consumer::try_clone`].
    pub fn try_clone(&self) -> Result<Self, AttachError> {
        Ok(Self::new(self.handle.try_clone()?)?)
    }
}
