//! `ipc-channel`: its channel of bytes, between processes. It copies messages into the kernel and out.

use std::sync::Mutex;

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, bytes_channel};
use zerocopy::IntoBytes;

use super::ends::Ends;
use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape};

/// `ipc-channel`.
pub enum IpcChannel {}

impl Peer for IpcChannel {
    const NAME: &'static str = "ipc-channel";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { batches: false, broadcast: false, named: false };
    type Channel<const W: usize> = Ends<IpcBytesSender, Mutex<IpcBytesReceiver>>;
    type Sender<const W: usize> = IpcBytesSender;
    type Receiver<const W: usize> = IpcBytesReceiver;

    fn channel<const W: usize>(_: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let (sender, receiver) = bytes_channel()?;
        Ok(Ends::new(sender, vec![Mutex::new(receiver)]))
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<IpcBytesSender> {
        ends.sender()
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<IpcBytesReceiver> {
        Ok(ends.receiver()?.into_inner().expect("nobody panics with it"))
    }
}

impl<const W: usize> Send<W> for IpcBytesSender {
    fn send(&mut self, number: u64) {
        IpcBytesSender::send(self, Msg::<W>::new(number).as_bytes()).expect("a receiver");
    }
}

impl<const W: usize> Receive<W> for IpcBytesReceiver {
    fn receive(&mut self, tally: &mut Tally) {
        tally.take_bytes::<W>(&self.recv().expect("a sender"));
    }
}
