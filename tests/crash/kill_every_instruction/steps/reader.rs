//! A reader that stands in the middle of its copy of a message while another process is killed.

use std::os::fd::{AsFd, BorrowedFd};

use nix::unistd::write;
use ringway::{Copied, Observer, Outcome, Resume, Ring, Start};

use super::fence;
use super::message::{Accepted, Broken, Kind, MOST, length};
use super::trace::Trace;
use super::tracee::{Nursery, Stop, Tracee};
use testkit::TestRing;

/// What an observer of one message tells when it is done: how many it lost, which message it then received,
/// its length, its bytes.
const TOLD: usize = 24 + MOST;

/// Observes message `seq`.
fn observe(ring: &TestRing, seq: u64, told: BorrowedFd<'_>) {
    let mut observer = ring.observer(Start::At(seq), Resume::OldestSafe).unwrap();
    let mut buffer = vec![0; MOST];
    tell(told, &(buffer.as_ptr() as usize).to_ne_bytes());
    fence::begin();
    let outcome = observer.try_recv_into(&mut buffer);
    fence::end();
    let (lost, copied) = match outcome.unwrap() {
        Outcome::Message(copied) => (0, copied),
        Outcome::Lagged(_) => {
            let copied = receive(&mut observer, &mut buffer);
            (observer.lost(), copied)
        }
        other => panic!("an observer of message {seq}: {other:?}"),
    };
    let mut finding: Vec<u8> =
        [lost, copied.seq, copied.len as u64].into_iter().flat_map(u64::to_ne_bytes).collect();
    finding.extend(buffer);
    tell(told, &finding);
}

fn receive(observer: &mut Observer, buffer: &mut [u8]) -> Copied {
    loop {
        match observer.try_recv_into(buffer).unwrap() {
            Outcome::Message(copied) => return copied,
            // Head doesn't tell how far a batch has come. Behind it, sequences may be skipped.
            Outcome::Lagged(_) => {}
            other => panic!("a lapped observer that goes on: {other:?}"),
        }
    }
}

fn tell(told: BorrowedFd<'_>, bytes: &[u8]) {
    assert_eq!(write(told.as_fd(), bytes), Ok(bytes.len()));
}

/// The position at which a reader is in the middle of its copy.
pub struct MidCopy {
    trace: Trace,
    at: usize,
}

impl MidCopy {
    /// Finds it in a copy of message `seq`, which nobody disturbs.
    pub fn find(nursery: &Nursery, seq: u64) -> Self {
        let (tracee, buffer) = start(nursery, seq);
        let words = length(seq) / 8;
        let mut within = Vec::new();
        let mut trace = Trace::record(&tracee, |k| {
            let copied = (0..words).filter(|at| tracee.word(buffer + 8 * at) != 0).count();
            if (1..words).contains(&copied) {
                within.push(k);
            }
        });
        assert_eq!(tracee.finish(), Stop::Exited(0));
        nursery.findings(TOLD);
        assert!(!within.is_empty(), "no instruction stands in the middle of a copy");
        let at = within[within.len() / 2];
        let (tracee, _) = start(nursery, seq);
        if !trace.stand(&tracee, at) {
            // Where breakpoints in hardware don't work.
            trace.step_only();
        }
        Self { trace, at }
    }

    /// A reader in the middle of its copy of message `seq`.
    pub fn start(&self, nursery: &Nursery, seq: u64) -> Reader {
        let (tracee, _) = start(nursery, seq);
        assert!(self.trace.stand(&tracee, self.at), "readers of one message run alike");
        Reader { tracee, seq }
    }
}

fn start(nursery: &Nursery, seq: u64) -> (Tracee, usize) {
    let tracee = nursery.start(observe, seq);
    assert!(fence::reach(&tracee), "an observer attaches");
    let buffer = nursery.findings(8).try_into().expect("8 bytes");
    (tracee, usize::from_ne_bytes(buffer))
}

/// What a reader found when it went on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// The message that it was copying.
    Message,
    /// That its message was being overwritten.
    Lagged,
}

/// A reader in the middle of its copy.
pub struct Reader {
    tracee: Tracee,
    seq: u64,
}

impl Reader {
    /// Lets it go on to its end.
    pub fn go_on(self, nursery: &Nursery, accepted: &mut Accepted) -> Result<Found, Broken> {
        let Self { tracee, seq } = self;
        let end = tracee.finish();
        if end != Stop::Exited(0) {
            return Err(Broken::new(Kind::Stuck, format!("a reader stopped in its copy: {end:?}")));
        }
        let told = nursery.findings(TOLD);
        let (words, bytes) = told.split_at(24);
        let [lost, received, length] =
            [0, 8, 16].map(|at| u64::from_ne_bytes(words[at..at + 8].try_into().unwrap()));
        if received != seq + lost {
            let what = format!("a reader of message {seq} lost {lost} and received {received} then");
            return Err(Broken::new(Kind::Lost, what));
        }
        let told = accepted.accept(received, &bytes[..length as usize])?;
        if told != received {
            let what = format!("a reader received message {told} as {received}");
            return Err(Broken::new(Kind::Reordered, what));
        }
        Ok(if lost == 0 { Found::Message } else { Found::Lagged })
    }
}
