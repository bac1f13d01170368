//! The name by which a role is shown.

use crate::format::error::{PublishError, RecvError};
use crate::format::message_type::Message;
use crate::format::name::Name;
use crate::protocol::role_words;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::cursor::Cursor;
#[cfg(doc)]
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::typed::{TypedBestEffortReader, TypedConsumer, TypedObserver, TypedProducer};

impl Producer {
    /// Gives this producer a name, or with `None` takes it away: what [`Stats`](crate::Stats) and the error
    /// `ProducerTaken` of others show beside its PID. A successor that has none clears it.
    ///
    /// A ring's handle can name all roles that are taken by it: `with_name`.
    ///
    /// # Errors
    /// `Deposed`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Name, Ring};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let mut producer = ring.producer()?;
    /// producer.set_name(Name::new("quotes")?)?;
    /// let taken = ring.producer().unwrap_err().to_string();
    /// assert!(taken.contains(r#"("quotes", pid "#), "{taken}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_name(&mut self, name: impl Into<Option<Name>>) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_epoch()?;
        self.region.name = name.into();
        role_words::sign_page(&self.region.producer_page, self.region.name);
        self.region.fork.check_after_for()
    }

    /// The name that this producer gives itself.
    pub fn name(&self) -> Option<Name> {
        self.region.name
    }
}

impl Consumer {
    /// Gives this consumer a name, or with `None` takes it away: what [`Attached`](crate::Attached) and a producer's
    /// [`Full`](crate::Full) show beside its PID. Its clones have it, too.
    ///
    /// A ring's handle can name all roles that are taken by it: `with_name`.
    ///
    /// # Errors
    /// `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Name, PublishError, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// consumer.set_name(Name::new("recorder")?)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_batch(&["one", "two"])?;
    /// let Err(PublishError::Full(full)) = producer.try_publish(b"three") else { panic!("there is no room") };
    /// assert_eq!(full.name, consumer.name());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_name(&mut self, name: impl Into<Option<Name>>) -> Result<(), RecvError> {
        rename(&mut self.cursor, name.into())
    }

    /// The name that this consumer gives itself.
    pub fn name(&self) -> Option<Name> {
        self.cursor.region.name
    }
}

impl BestEffortReader {
    /// Gives this reader a name, or with `None` takes it away: see [`Consumer::set_name`].
    ///
    /// # Errors
    /// `Forked`, `Truncated`.
    pub fn set_name(&mut self, name: impl Into<Option<Name>>) -> Result<(), RecvError> {
        rename(&mut self.cursor, name.into())
    }

    /// The name that this reader gives itself.
    pub fn name(&self) -> Option<Name> {
        self.cursor.region.name
    }
}

/// Says how the reader of a cell is called from now on.
fn rename(cursor: &mut Cursor, name: Option<Name>) -> Result<(), RecvError> {
    cursor.region.fork.check_for::<RecvError>()?;
    cursor.region.name = name;
    role_words::sign_cell(&cursor.region.cells, cursor.cell, name);
    cursor.region.fork.check_after_for()
}

/// The same of typed handles.
macro_rules! named {
    ($typed:ident, $role:ident, $error:ident) => {
        impl<T: Message> $typed<T> {
            #[doc = concat!("Gives this role a name: see [`", stringify!($role), "::set_name`].")]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::set_name`].")]
            pub fn set_name(&mut self, name: impl Into<Option<Name>>) -> Result<(), $error> {
                self.handle.set_name(name)
            }

            /// The name that this role gives itself.
            pub fn name(&self) -> Option<Name> {
                self.handle.name()
            }
        }
    };
}
named!(TypedProducer, Producer, PublishError);
named!(TypedConsumer, Consumer, RecvError);
named!(TypedBestEffortReader, BestEffortReader, RecvError);
named!(TypedObserver, Observer, RecvError);
