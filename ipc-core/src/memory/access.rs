//! Which role may read and write what: permissions as types.

/// Permission of a view.
pub trait Access: sealed::Sealed {}

/// Permission to load.
#[derive(Debug)]
pub enum ReadOnly {}
/// Permission to load and store.
#[derive(Debug)]
pub enum ReadWrite {}

impl Access for ReadOnly {}
impl Access for ReadWrite {}

/// A role on a ring, as far as memory is concerned: which sections it writes.
pub trait Role: sealed::Sealed {
    /// Permission on the producer page.
    type ProducerPage: Access;
    /// Permission on the hints page.
    type Hints: Access;
    /// Permission on the consumers' cells.
    type Cells: Access;
    /// Permission on the slots.
    type Slots: Access;
    /// Whether the role writes the sections: producer page, hints, cells, slots.
    const WRITES: [bool; 4];
}

/// The producer: writes its page, the hints and the slots.
#[derive(Debug)]
pub enum AsProducer {}
/// A consumer: writes its cell and the hints.
#[derive(Debug)]
pub enum AsConsumer {}
/// An observer: writes nothing.
#[derive(Debug)]
pub enum AsObserver {}
/// An observer that shows itself: writes a cell that no scan counts.
#[derive(Debug)]
pub enum AsShown {}
/// A thread that wakes readers in a producer's stead: writes the doorbell, which lies on the producer's page, and the
/// hints.
#[derive(Debug)]
pub enum AsWaker {}
/// The maker of a private copy of a ring, until the copy is done: no role of the ring itself.
#[derive(Debug)]
pub enum AsCopy {}

impl Role for AsProducer {
    type ProducerPage = ReadWrite;
    type Hints = ReadWrite;
    type Cells = ReadOnly;
    type Slots = ReadWrite;
    const WRITES: [bool; 4] = [true, true, false, true];
}

impl Role for AsConsumer {
    type ProducerPage = ReadOnly;
    type Hints = ReadWrite;
    type Cells = ReadWrite;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [false, true, true, false];
}

impl Role for AsObserver {
    type ProducerPage = ReadOnly;
    type Hints = ReadOnly;
    type Cells = ReadOnly;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [false, false, false, false];
}

impl Role for AsShown {
    type ProducerPage = ReadOnly;
    type Hints = ReadOnly;
    type Cells = ReadWrite;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [false, false, true, false];
}

impl Role for AsWaker {
    type ProducerPage = ReadWrite;
    type Hints = ReadWrite;
    type Cells = ReadOnly;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [true, true, false, false];
}

impl Role for AsCopy {
    type ProducerPage = ReadWrite;
    type Hints = ReadOnly;
    type Cells = ReadOnly;
    type Slots = ReadWrite;
    const WRITES: [bool; 4] = [true, false, false, true];
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ReadOnly {}
    impl Sealed for super::ReadWrite {}
    impl Sealed for super::AsProducer {}
    impl Sealed for super::AsConsumer {}
    impl Sealed for super::AsObserver {}
    impl Sealed for super::AsShown {}
    impl Sealed for super::AsWaker {}
    impl Sealed for super::AsCopy {}
}
