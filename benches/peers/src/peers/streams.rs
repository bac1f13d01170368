//! Pipes and Unix sockets, between processes. The kernel copies messages in and out; several at once if asked to.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{setsockopt, sockopt};
use zerocopy::IntoBytes;

use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape};

/// Room in the kernel for what nobody has read: what an ordinary user may ask for.
const ROOM: usize = 1 << 20;
/// The longest batch.
const BATCH: usize = 64;

/// Pipes.
pub enum Pipes {}
/// A pair of Unix stream sockets.
pub enum UnixSockets {}

const CAN: Abilities = Abilities { batches: true, broadcast: false, named: false };

impl Peer for Pipes {
    const NAME: &'static str = "pipe";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    type Channel<const W: usize> = (PipeReader, PipeWriter);
    type Sender<const W: usize> = Sender<PipeWriter, W>;
    type Receiver<const W: usize> = Receiver<PipeReader>;

    fn channel<const W: usize>(_: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let ends = pipe()?;
        fcntl(&ends.1, FcntlArg::F_SETPIPE_SZ(ROOM as i32))?;
        Ok(ends)
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Self::Sender<W>> {
        Ok(Sender::new(ends.1.try_clone()?))
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Self::Receiver<W>> {
        Ok(Receiver::new::<W>(ends.0.try_clone()?))
    }
}

impl Peer for UnixSockets {
    const NAME: &'static str = "unix socket";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    type Channel<const W: usize> = (UnixStream, UnixStream);
    type Sender<const W: usize> = Sender<UnixStream, W>;
    type Receiver<const W: usize> = Receiver<UnixStream>;

    fn channel<const W: usize>(_: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let ends = UnixStream::pair()?;
        setsockopt(&ends.1, sockopt::SndBuf, &ROOM)?;
        Ok(ends)
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Self::Sender<W>> {
        Ok(Sender::new(ends.1.try_clone()?))
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Self::Receiver<W>> {
        Ok(Receiver::new::<W>(ends.0.try_clone()?))
    }
}

/// A writing end, and room for a batch of messages.
pub struct Sender<T, const W: usize> {
    end: T,
    messages: Vec<Msg<W>>,
}

impl<T, const W: usize> Sender<T, W> {
    fn new(end: T) -> Self {
        Self { end, messages: vec![Msg::new(0); BATCH] }
    }
}

impl<T: Write, const W: usize> Send<W> for Sender<T, W> {
    fn send(&mut self, number: u64) {
        self.send_batch(number, 1);
    }

    fn send_batch(&mut self, number: u64, count: usize) {
        let messages = self.messages.iter_mut().zip(number..number + count as u64);
        messages.for_each(|(message, number)| message.fill(number));
        self.end.write_all(self.messages[..count].as_bytes()).expect("a reader");
    }
}

/// A reading end, and what was read of messages that aren't taken yet.
pub struct Receiver<T> {
    end: T,
    bytes: Vec<u8>,
    start: usize,
    end_of_bytes: usize,
}

impl<T> Receiver<T> {
    fn new<const W: usize>(end: T) -> Self {
        Self { end, bytes: vec![0; BATCH * Msg::<W>::BYTES], start: 0, end_of_bytes: 0 }
    }
}

impl<T: Read, const W: usize> Receive<W> for Receiver<T> {
    fn receive(&mut self, tally: &mut Tally) {
        let mut message = Msg::<W>::new(0);
        self.end.read_exact(message.as_mut_bytes()).expect("a writer");
        tally.take(&message);
    }

    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        let size = Msg::<W>::BYTES;
        while self.end_of_bytes - self.start < size {
            // Part of a message at most: it goes to the front.
            self.bytes.copy_within(self.start..self.end_of_bytes, 0);
            self.end_of_bytes -= self.start;
            self.start = 0;
            let read = self.end.read(&mut self.bytes[self.end_of_bytes..]).expect("a writer");
            assert!(read > 0, "the writer is gone");
            self.end_of_bytes += read;
        }
        let whole = &self.bytes[self.start..self.end_of_bytes];
        let taken =
            whole.chunks_exact(size).take(most).inspect(|message| tally.take_bytes::<W>(message)).count();
        self.start += taken * size;
    }
}
