//! What a program on a ring names: `use ringway::prelude::*`.
//!
//! The three placements stay behind their modules, since `create` and `open` mean something else in each. Names
//! that channels have, too, are left out, so that two globs don't collide: errors ([`RecvError`](crate::RecvError),
//! [`PublishError`](crate::PublishError), [`AttachError`](crate::AttachError)), and general words as
//! [`State`](crate::State), [`Attached`](crate::Attached) and [`Message`](crate::Message). Name them by `ringway::`.
//!
//! # Examples
//! Beside the channels of the standard library:
//! ```
//! use std::sync::mpsc::*;
//!
//! use ringway::anon;
//! use ringway::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = anon::create(&Config::new().slots(8))?;
//! let mut consumer: Consumer = ring.consumer(Start::Oldest)?;
//! ring.producer()?.publish(b"hello")?;
//!
//! let (sender, receiver): (Sender<Vec<u8>>, Receiver<Vec<u8>>) = channel();
//! if let Outcome::Message(message) = consumer.try_recv()? {
//!     sender.send(message.to_vec())?;
//! }
//! let received: Result<Vec<u8>, RecvError> = receiver.recv();
//! assert_eq!(received?, b"hello");
//! # Ok(())
//! # }
//! ```

#[doc(no_inline)]
pub use crate::{
    Config, Consumer, Observer, Outcome, Producer, Received, Resume, Ring, Start, Typed, TypedConsumer,
    TypedObserver, TypedProducer, Wait,
};
