//! The prelude beside the names of channels: a name that two globs bring is an error where it is used.

use std::sync::mpsc::{self, channel};

use ringway::prelude::*;

/// A module that imports the prelude and another crate's names by globs, and uses all the names of both.
macro_rules! beside {
    ($module:ident, $($names:ident)::+, $($name:ty),+) => {
        mod $module {
            #[allow(unused_imports, reason = "traits are brought, not named")]
            use {$($names)::+::*, ringway::prelude::*};

            pub type Ours = (
                Config, Consumer, Observer, Outcome<u8>, Producer, Received<'static>, Resume, Start, Wait,
                Typed<Consumer, u8>, TypedConsumer<u8>, TypedObserver<u8>, TypedProducer<u8>,
            );
            pub type Theirs = ($($name,)+);
        }
    };
}

macro_rules! names {
    ($module:ident, $($name:ident),+) => {
        mod $module {
            $(pub struct $name;)+
        }
    };
}

// As crossbeam-channel 0.5 and tokio 1 export them.
names!(
    of_crossbeam,
    IntoIter,
    Iter,
    ReadyTimeoutError,
    Receiver,
    RecvError,
    RecvTimeoutError,
    Select,
    SelectTimeoutError,
    SelectedOperation,
    SendError,
    SendTimeoutError,
    Sender,
    TryIter,
    TryReadyError,
    TryRecvError,
    TrySelectError,
    TrySendError
);
names!(of_tokio_broadcast, Receiver, Sender, WeakSender, SendError, RecvError, TryRecvError);

beside!(
    std_mpsc,
    std::sync::mpsc,
    Receiver<u8>,
    Sender<u8>,
    SyncSender<u8>,
    RecvError,
    RecvTimeoutError,
    SendError<u8>,
    TryRecvError,
    TrySendError<u8>
);
beside!(
    crossbeam,
    super::of_crossbeam,
    IntoIter,
    Iter,
    ReadyTimeoutError,
    Receiver,
    RecvError,
    RecvTimeoutError,
    Select,
    SelectTimeoutError,
    SelectedOperation,
    SendError,
    SendTimeoutError,
    Sender,
    TryIter,
    TryReadyError,
    TryRecvError,
    TrySelectError,
    TrySendError
);
beside!(tokio, super::of_tokio_broadcast, Receiver, Sender, WeakSender, SendError, RecvError, TryRecvError);

#[test]
fn the_prelude_collides_with_no_channel() {
    // That it compiles is the promise: each type below is named once, by one glob.
    type Ours = (std_mpsc::Ours, crossbeam::Ours, tokio::Ours);
    type Theirs = (std_mpsc::Theirs, crossbeam::Theirs, tokio::Theirs);
    assert_ne!(std::any::type_name::<Ours>(), std::any::type_name::<Theirs>());
}

#[test]
fn the_prelude_is_enough_to_hand_messages_to_a_channel() {
    let ring = ringway::anon::create(&Config::new().slots(8)).unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let (sender, receiver): (mpsc::Sender<Vec<u8>>, _) = channel();
    ring.producer().unwrap().publish(b"hello").unwrap();
    let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("no message") };
    sender.send(message.to_vec()).unwrap();
    assert_eq!(receiver.recv().unwrap(), b"hello");
}
