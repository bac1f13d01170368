//! `iceoryx2`: publish-subscribe between processes; messages are written and read where they lie.
//!
//! # Safety
//! A message is words, which mean the same in every process.

#![allow(unsafe_code)]

use std::path::PathBuf;

use iceoryx2::config::Config;
use iceoryx2::port::backpressure_strategy::BackpressureStrategy;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{
    FileName, LogLevel, Node, NodeBuilder, Path, SemanticString, ZeroCopySend, ipc, set_log_level,
};
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Lossy, Peer, Receive, ReceiveLate, Send, Shape, spin};

/// `iceoryx2`.
pub enum Iceoryx2 {}

// SAFETY: words without pointers, of one layout.
unsafe impl<const W: usize> ZeroCopySend for Msg<W> {}

/// What the objects of a run in /dev/shm are called.
fn prefix(shape: &Shape) -> String {
    let run = shape.dir.file_name().expect("the run's own directory").to_string_lossy();
    format!("{run}_")
}

/// A publisher, and what it belongs to.
pub struct Sender<const W: usize> {
    publisher: Publisher<ipc::Service, Msg<W>, ()>,
    _service: PortFactory<ipc::Service, Msg<W>, ()>,
    _node: Node<ipc::Service>,
}

/// A subscriber, and what it belongs to.
pub struct Receiver<const W: usize> {
    subscriber: Subscriber<ipc::Service, Msg<W>, ()>,
    _service: PortFactory<ipc::Service, Msg<W>, ()>,
    _node: Node<ipc::Service>,
}

type Parts<const W: usize> = (Node<ipc::Service>, PortFactory<ipc::Service, Msg<W>, ()>);

fn service<const W: usize>(shape: &Shape) -> anyhow::Result<Parts<W>> {
    set_log_level(LogLevel::Fatal);
    let mut config = Config::default();
    let root: PathBuf = shape.dir.join("iceoryx2");
    config.global.set_root_path(&Path::new(root.to_string_lossy().as_bytes())?);
    config.global.prefix = FileName::new(prefix(shape).as_bytes())?;
    let node = NodeBuilder::new().config(&config).create::<ipc::Service>()?;
    let service = node
        .service_builder(&shape.name.try_into()?)
        .publish_subscribe::<Msg<W>>()
        .enable_safe_overflow(!shape.lossless)
        .subscriber_max_buffer_size(shape.slots)
        .subscriber_max_borrowed_samples(1)
        .history_size(0)
        .max_publishers(1)
        .max_subscribers(shape.readers)
        .max_nodes(shape.readers + 1)
        .open_or_create()?;
    Ok((node, service))
}

impl Peer for Iceoryx2 {
    const NAME: &'static str = "iceoryx2";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { batches: false, broadcast: true, named: true };
    type Channel<const W: usize> = Shape;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver<W>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Shape> {
        Ok(shape.clone())
    }

    fn sender<const W: usize>(shape: &Shape) -> anyhow::Result<Sender<W>> {
        let (node, service) = service(shape)?;
        let builder = service.publisher_builder().max_loaned_samples(1);
        let publisher = builder.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered).create()?;
        Ok(Sender { publisher, _service: service, _node: node })
    }

    fn receiver<const W: usize>(shape: &Shape) -> anyhow::Result<Receiver<W>> {
        let (node, service) = service(shape)?;
        let subscriber = service.subscriber_builder().buffer_size(shape.slots).create()?;
        Ok(Receiver { subscriber, _service: service, _node: node })
    }
}

impl Lossy for Iceoryx2 {
    type Late<const W: usize> = Receiver<W>;

    fn late<const W: usize>(shape: &Shape) -> anyhow::Result<Receiver<W>> {
        Self::receiver(shape)
    }
}

impl<const W: usize> Send<W> for Sender<W> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        let sample = self.publisher.loan_uninit().expect("a sample");
        sample.write_payload(Msg::new(number)).send().expect("subscribers");
    }
}

impl<const W: usize> Receive<W> for Receiver<W> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        tally.take(&*spin(|| self.subscriber.receive().expect("a connection")));
    }
}

impl<const W: usize> ReceiveLate<W> for Receiver<W> {
    #[inline(always)]
    fn receive_late(&mut self, tally: &mut Tally) -> bool {
        let sample = self.subscriber.receive().expect("a connection");
        sample.inspect(|message| tally.take_later(&**message)).is_some()
    }

    fn told_lost(&self) -> Option<u64> {
        None
    }
}
