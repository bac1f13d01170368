//! How a frame gets into the mirror.

use std::time::Instant;

use crate::frame::{Expected, Frame, FrameError, Refused};
use crate::sink::{Role, Sink, Verdict};

/// A ring that a sink writes.
pub trait Mirror {
    /// Why writing failed.
    type Error;

    /// The next sequence, as the ring has it.
    fn head(&self) -> u64;

    /// Whether the producer's role is held.
    fn is_entered(&self) -> bool;

    /// Takes the producer's role, anew if it is held.
    fn enter(&mut self) -> Result<(), Self::Error>;

    /// Leaves the role without closing the ring.
    fn leave(&mut self);

    /// Closes the ring, if it isn't closed.
    fn close(&mut self) -> Result<(), Self::Error>;

    /// Skips up to this sequence.
    fn skip_to(&mut self, seq: u64) -> Result<(), Self::Error>;

    /// Publishes a message under the next sequence.
    fn publish(&mut self, bytes: &[u8], tag: u32) -> Result<(), Self::Error>;
}

/// What a sink has counted since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Messages published in the mirror.
    pub received: u64,
    /// Sequences skipped in the mirror.
    pub skipped: u64,
    /// Frames without a message that the mirror lacked.
    pub repeated: u64,
    /// Frames that were kept for later.
    pub parked: u64,
    /// Frames that were dropped because there was no room; the sink asks for them again.
    pub dropped: u64,
    /// Frames that were refused.
    pub refused: u64,
    /// The same, by reason.
    #[serde(default)]
    pub refusals: Refused,
    /// Frames that skip so much that the source was asked first.
    #[serde(default)]
    pub far: u64,
    /// Questions for what was missing.
    pub questions: u64,
    /// How often the mirror's producer entered.
    pub entered: u64,
}

/// Offers a frame to the sink, and writes what it takes of it, and of those that it kept. It is part of an answer if it
/// `is_asked`.
///
/// # Errors
/// What the mirror says. The frame is in the mirror up to its head then; the sink keeps it, and [`go_on`] goes on with it.
pub fn take<P: AsRef<[u8]>, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    expected: &Expected,
    frame: (P, bool),
    now: Instant,
) -> Result<Option<FrameError>, M::Error> {
    take_all(sink, mirror, counts, expected, Some(frame), now)
}

/// Writes a frame that just continues the mirror, as [`Sink::continues`] says. Returns whether it is one: if it isn't, nothing
/// is done, and the frame is to be offered by [`take`]. Neither enters nor skips, so it waits only if the mirror's `publish`
/// does.
///
/// # Errors
/// What the mirror says. The frame is in the mirror up to its head then; offered by [`take`], its rest is written.
pub fn take_next<P, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    expected: &Expected,
    bytes: &[u8],
    now: Instant,
) -> Result<bool, M::Error> {
    if !mirror.is_entered() {
        return Ok(false);
    }
    let Ok(frame) = Frame::check(bytes, expected) else { return Ok(false) };
    let head = mirror.head();
    if !sink.continues(head, frame.header(), now) {
        return Ok(false);
    }
    for record in frame.records().skip((head - frame.header().start) as usize) {
        mirror.publish(record.bytes, record.tag)?;
        counts.received += 1;
    }
    Ok(true)
}

/// Writes what the sink kept and can write now, such as the rest of a frame for which the mirror had no room.
///
/// # Errors
/// As for [`take`].
pub fn go_on<P: AsRef<[u8]>, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    expected: &Expected,
) -> Result<(), M::Error> {
    let (next, heard) = (kept(sink, mirror), sink.heard_at());
    take_all(sink, mirror, counts, expected, next, heard).map(|_| ())
}

fn take_all<P: AsRef<[u8]>, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    expected: &Expected,
    mut next: Option<(P, bool)>,
    now: Instant,
) -> Result<Option<FrameError>, M::Error> {
    let mut refused = None;
    while let Some((frame, is_asked)) = next {
        let checked = Frame::check(frame.as_ref(), expected).map(|frame| *frame.header());
        match checked {
            Ok(header) => {
                let size = frame.as_ref().len();
                let (verdict, frame) = sink.offer(mirror.head(), &header, frame, size, is_asked, now);
                match (verdict, frame) {
                    (Verdict::Take { skip_to }, Some(frame)) => {
                        let checked = Frame::of_checked(frame.as_ref(), header);
                        if let Err(error) = write(sink, mirror, counts, &checked, skip_to) {
                            sink.keep(header.from, frame, size);
                            return Err(error);
                        }
                    }
                    (Verdict::Repeated, _) if header.is_heartbeat() => {}
                    (Verdict::Repeated, _) => counts.repeated += 1,
                    (Verdict::Parked, _) => counts.parked += 1,
                    (Verdict::Far, _) => counts.far += 1,
                    (Verdict::NoRoom, _) if header.is_heartbeat() => {}
                    _ => counts.dropped += 1,
                }
            }
            Err(error) => {
                counts.refused += 1;
                counts.refusals.count(&error);
                refused = Some(error);
            }
        }
        next = kept(sink, mirror);
    }
    Ok(refused)
}

/// What was kept was near when it came.
fn kept<P, M: Mirror>(sink: &mut Sink<P>, mirror: &M) -> Option<(P, bool)> {
    sink.next_parked(mirror.head()).map(|frame| (frame, true))
}

fn write<P, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    frame: &Frame<'_>,
    skip_to: u64,
) -> Result<(), M::Error> {
    enter_if_due(sink, mirror, counts)?;
    // A producer that enters may find more messages in the ring than head counted.
    let head = mirror.head();
    let skip_to = skip_to.max(head);
    if skip_to > head {
        // The producer of the next epoch enters before it skips.
        if let Some(at) = sink.enters_at(head)
            && at < skip_to
        {
            skip(mirror, counts, at)?;
            enter(sink, mirror, counts)?;
        }
        skip(mirror, counts, skip_to)?;
    }
    for record in frame.records().skip((skip_to - frame.header().start) as usize) {
        debug_assert_eq!(record.seq, mirror.head());
        if sink.enters_at(record.seq) == Some(record.seq) {
            enter(sink, mirror, counts)?;
        }
        mirror.publish(record.bytes, record.tag)?;
        counts.received += 1;
    }
    Ok(())
}

fn skip<M: Mirror>(mirror: &mut M, counts: &mut Counts, to: u64) -> Result<(), M::Error> {
    let head = mirror.head();
    let skipped = mirror.skip_to(to);
    counts.skipped += mirror.head() - head;
    skipped
}

fn enter<P, M: Mirror>(sink: &mut Sink<P>, mirror: &mut M, counts: &mut Counts) -> Result<(), M::Error> {
    mirror.enter()?;
    counts.entered += 1;
    sink.entered(mirror.head());
    Ok(())
}

/// Enters if the role isn't held, or if the source's producer has a successor whose epoch begins here.
fn enter_if_due<P, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
) -> Result<(), M::Error> {
    let head = mirror.head();
    if !mirror.is_entered() || sink.enters_at(head) == Some(head) {
        enter(sink, mirror, counts)?;
    }
    Ok(())
}

/// Has the mirror's producer do what the source's does.
///
/// # Errors
/// The mirror's error. The next call tries again.
pub fn follow<P, M: Mirror>(
    sink: &mut Sink<P>,
    mirror: &mut M,
    counts: &mut Counts,
    now: Instant,
) -> Result<(), M::Error> {
    match sink.role(mirror.head(), now) {
        Role::Hold => enter_if_due(sink, mirror, counts),
        Role::Leave => {
            mirror.leave();
            Ok(())
        }
        Role::Close => mirror.close(),
        Role::Keep => Ok(()),
    }
}
