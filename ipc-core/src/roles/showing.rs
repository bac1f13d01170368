//! How an observer is shown, and hidden.

use crate::format::error::{AttachError, RecvError};
use crate::format::message_type::Message;
use crate::format::name::Name;
use crate::roles::observer::Observer;
use crate::roles::shown::ShownCell;
use crate::roles::typed::TypedObserver;

impl Observer {
    /// Has this observer show itself in [`Stats::observers`](crate::Stats::observers): by its PID, its user and its
    /// [name](Self::set_name), until it is [hidden](Self::hide), dropped, or dead. It is for display alone, and changes
    /// nothing for any other role: the producer doesn't count it.
    ///
    /// It takes the highest free cell, by a lock and a mapping of its own, and so the right to write the ring. To leave
    /// room for consumers, observers show themselves in the upper half of the cells alone: in none of a ring for one
    /// consumer.
    ///
    /// # Errors
    /// `ReadOnly` or `NotPermitted` if this process may not write the ring; `NoCellToShow` if none of those cells is
    /// free; else see [`AttachError`]. The observer reads on as before.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Name, Resume, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let mut observer = ring.observer(Start::Latest, Resume::Latest)?;
    /// observer.set_name(Name::new("dashboard")?)?;
    /// observer.show()?;
    /// assert_eq!(ring.stats()?.observers[0].name, observer.name());
    /// observer.hide();
    /// assert!(ring.stats()?.observers.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn show(&mut self) -> Result<(), AttachError> {
        self.region.fork.check()?;
        if self.shown.is_none() {
            let (region, cell) = self.region.keeper.ring()?.shown_region()?;
            self.shown = Some(Box::new(ShownCell::new(region, cell, self.region.name)?));
        }
        Ok(())
    }

    /// Shows this observer no longer.
    pub fn hide(&mut self) {
        self.shown = None;
    }

    /// Whether it shows itself.
    pub fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// Gives this observer a name, or with `None` takes it away. It is seen while the observer [shows
    /// itself](Self::show).
    ///
    /// # Errors
    /// `Forked`, `Truncated`.
    pub fn set_name(&mut self, name: impl Into<Option<Name>>) -> Result<(), RecvError> {
        self.region.fork.check_for::<RecvError>()?;
        self.region.name = name.into();
        if let Some(shown) = &mut self.shown {
            shown.rename(self.region.name);
        }
        Ok(())
    }

    /// The name that this observer gives itself.
    pub fn name(&self) -> Option<Name> {
        self.region.name
    }
}

impl<T: Message> TypedObserver<T> {
    /// Has this observer show itself: see [`Observer::show`].
    ///
    /// # Errors
    /// As for [`Observer::show`].
    pub fn show(&mut self) -> Result<(), AttachError> {
        self.handle.show()
    }

    /// Shows this observer no longer.
    pub fn hide(&mut self) {
        self.handle.hide();
    }

    /// Whether it shows itself.
    pub fn is_shown(&self) -> bool {
        self.handle.is_shown()
    }
}
