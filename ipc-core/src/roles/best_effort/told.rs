//! What a best-effort reader tells of its place and of its ring.

use crate::format::error::RecvError;
use crate::format::geometry::Geometry;
use crate::roles::best_effort::BestEffortReader;

impl BestEffortReader {
    /// The sequence at which this reader started.
    pub fn start(&self) -> u64 {
        self.start.get()
    }

    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.cursor.next().get()
    }

    /// Number of messages received since the start.
    pub fn received(&self) -> u64 {
        self.cursor.next().get().wrapping_sub(self.start.get()).wrapping_sub(self.lost)
    }

    /// Number of messages lost since the start, those that the producer skipped among them: exact, computed from
    /// sequences.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How often this reader was lapped since the start. Each time it was told [`Lagged`](crate::Outcome::Lagged), which
    /// a skip of the producer's tells, too.
    pub fn times_lagged(&self) -> u64 {
        self.times_lagged
    }

    /// The sequence of the next message to be published, by the ring's head. Head may be newer by the time the caller
    /// looks, and within a batch of the producer's it lags behind what can be read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn head(&self) -> Result<u64, RecvError> {
        self.cursor.region.read(|region| Ok(region.producer_page.head()?.get()))
    }

    /// Number of published messages that this reader has neither received nor lost; the same holds for it as for
    /// [`head`](Self::head). More than the ring's capacity if it was passed over, and lost some that it doesn't know of yet.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn lag(&self) -> Result<u64, RecvError> {
        Ok(self.head()?.saturating_sub(self.next_seq()))
    }

    /// Number of published messages that this reader can still read, as far as can be told without looking at them (some
    /// may have been skipped): [`lag`](Self::lag), or the ring's capacity if that is less.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn len(&self) -> Result<u64, RecvError> {
        Ok(self.lag()?.min(self.capacity()))
    }

    /// The number of this reader's cell.
    pub fn cell(&self) -> usize {
        self.cursor.cell
    }

    /// The ring's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.cursor.region.geometry
    }
}
