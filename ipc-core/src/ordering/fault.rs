//! Seeded faults: deliberate mistakes in the protocol that the loom models must catch.
//!
//! In production [`seeded`] is the constant `false` and every branch on it disappears. Under `cfg(loom)` a
//! test names one fault, runs a model, and fails if the model still passes.

/// A mistake in the protocol, kept because the models must reject it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "outside loom nothing constructs a fault")]
pub enum Fault {
    /// One ordering weakened to relaxed, or its fence left out.
    Weak(crate::ordering::edge::Edge),
    /// The odd stamp stored with release instead of followed by a release fence.
    OddStampByReleaseStore,
    /// The second load of the stamp made an acquire load instead of preceded by an acquire fence.
    RecheckByAcquireLoad,
    /// The observer doesn't load the stamp a second time.
    NoRecheck,
    /// The even stamp stored before the payload.
    StampBeforePayload,
    /// The even stamps of a batch stored when it is claimed, not when it is committed.
    StampBeforeCommit,
    /// An observer that was lapped takes all messages before a marked one for published.
    MarkAsEnd,
    /// A joining consumer tells how many cells are in use after its fence, not before.
    HintAfterFence,
    /// A scan reads how many cells are in use before its fence, not after.
    HintBeforeFence,
    /// A joining consumer doesn't read head a second time.
    JoinWithoutSecondRead,
    /// A consumer that starts at the oldest message takes head as its provisional cursor.
    OldestProvisionalAtHead,
    /// A consumer that starts at the oldest message goes back a whole lap.
    OldestAWholeLapBack,
    /// A best-effort reader that joins anew leaves its cell's word as it was.
    RejoinAsBefore,
    /// A cloned consumer isn't counted.
    CloneUncounted,
    /// A cloned consumer is counted before its cell is active.
    CountedBeforeActive,
    /// A scan doesn't compare the number of clones before it with the number after.
    ClonesUncompared,
    /// A scan reads the number of clones after its fence, not before.
    ClonesAfterFence,
    /// The producer's private limit isn't capped at half a lap.
    NoCap,
    /// Head stored after the rescan.
    HeadAfterRescan,
    /// The producer marks a dead consumer's cell free, instead of ignoring it privately.
    RetireByStore,
    /// The producer reads the word of a cell after it has asked whether the cell's consumer lives.
    WordAfterLock,
    /// The producer passes over consumers as it does best-effort readers.
    ConsumerPassedOver,
    /// The producer marks the cell of a reader that it passes over free, instead of ignoring it privately.
    PassedOverByStore,
    /// A reader that was passed over counts again wherever its cursor is.
    ReadmittedFromAfar,
    /// A reader that was passed over never counts again with the same word.
    NeverReadmitted,
    /// A successor resumes from head, not from the stamps.
    ResumeAtHead,
    /// A successor resumes at a void message, not after it.
    ResumeAtVoid,
    /// A skipped message gets the stamp of a published one.
    VoidAsPublished,
    /// A reader takes a message to be void by an earlier one's void stamp, without a look at head.
    VoidByStampAlone,
    /// A reader that has found head beyond an earlier one's void stamp doesn't look at the stamp again.
    VoidWithoutRecheck,
    /// A skip doesn't wait for the consumers.
    SkipUngated,
    /// A skip of more than a lap stores head before every slot has a void stamp.
    SkipWithoutLap,
    /// A consumer that comes upon void messages doesn't release them.
    VoidHeld,
    /// A successor doesn't store head before its first scan.
    NoHeadAtTakeover,
    /// A successor stores head after it has begun its epoch.
    HeadAfterEpoch,
    /// Head stored before the message that it counts.
    HeadBeforePayload,
    /// A reader reports a lost producer without looking at state, epoch and slot again.
    LostWithoutRecheck,
    /// A reader reports a new epoch without looking at the slot again.
    EpochWithoutRecheck,
    /// A reader reports `Closed` without looking at the slot again.
    ClosedWithoutRecheck,
    /// A reader that is about to sleep reads the doorbell after its last look at the slot.
    BellAfterLook,
    /// A reader that is about to sleep doesn't look at the slot again.
    SleepWithoutLook,
    /// A reader that needn't sleep any more takes back that somebody sleeps.
    FlagResetByWaiter,
    /// The producer notes that nobody sleeps any more after it has rung, not before.
    FlagAfterBell,
    /// A producer that defers its wake-ups waits for room without waking its readers first.
    FullWithoutWake,
    /// A waker notes that nobody sleeps as an asymmetric producer does, whatever the mode.
    FlagDownElsewhere,
    /// A successor doesn't ring.
    TakeoverWithoutBell,
    /// A producer that changes the wake mode doesn't ring.
    ModeWithoutBell,
    /// A producer that closes the ring doesn't ring.
    CloseWithoutBell,
    /// A producer that is dropped doesn't ring.
    DropWithoutBell,
    /// A producer that is dropped rings before its lock is free.
    BellBeforeFree,
    /// A reader that is about to sleep doesn't ask the kernel whether the producer lives.
    SleepWithoutAsk,
    /// A producer that goes over to fences doesn't have the consumers execute one.
    ModeWithoutBarrier,
    /// A producer that is about to sleep reads the space bell after its last scan.
    SpaceAfterScan,
    /// A producer that is about to sleep doesn't scan again.
    SleepWithoutScan,
    /// A consumer that joins doesn't wake the producer that waits for its provisional cursor, or for the cell's last
    /// consumer.
    JoinWithoutBell,
    /// A consumer that leaves doesn't wake the producer that waits for it.
    LeaveWithoutBell,
    /// A consumer that has woken the producer once never does so again.
    RingOnce,
    /// A consumer takes the first release that the producer sleeps through for the one that it is to be woken by.
    RungTooEarly,
    /// A consumer wakes the producer only if its cursor comes to be exactly where the producer wants to be woken.
    RingAtExactly,
    /// A producer that polls the cell that fills its ring doesn't compare the cell's cursor.
    BlockedByWordAlone,
    /// A producer that polls the cell that fills its ring doesn't compare the cell's word.
    BlockedByCursorAlone,
    /// A consumer that copies stores its cursor before it has copied.
    ReleaseBeforeCopy,
    /// A consumer that releases what it has peeked at releases one message more.
    ReleaseOneTooMany,
    /// A reader that has waited in vain for two batches takes them to be there.
    AheadWithoutLook,
    /// A reader takes two batches to be there once their first message is.
    AheadByFirst,
    /// A waiting consumer leaves its cell's cursor as some other process has written it.
    CursorLeftAstray,
    /// A consumer that puts its cursor right doesn't wake the producer.
    MendedWithoutBell,
    /// A consumer that puts its cursor right doesn't wake a producer that it has woken before.
    MendedAsIfNeverAstray,
    /// A cancel wakes the sleepers before it changes the word.
    CancelAfterWake,
    /// The kernel doesn't compare the cancel word before it lets a thread sleep.
    CancelUncompared,
    /// A call that waits takes the cancels before its first look, as if they had come for calls before.
    CancelTakenFirst,
}

#[cfg(loom)]
std::thread_local! {
    static SEEDED: core::cell::Cell<Option<Fault>> = const { core::cell::Cell::new(None) };
}

/// Whether `fault` is seeded: always `false` outside loom.
#[inline(always)]
pub(crate) fn seeded(fault: Fault) -> bool {
    #[cfg(loom)]
    return SEEDED.with(|cell| cell.get() == Some(fault));
    #[cfg(not(loom))]
    {
        let _ = fault;
        false
    }
}

/// Whether the seeded fault weakens `edge`.
#[cfg(loom)]
pub(crate) fn weakened(edge: crate::ordering::edge::Edge) -> bool {
    seeded(Fault::Weak(edge))
}

/// Runs `model` with `fault` seeded on this thread (loom runs all its threads on it).
#[cfg(loom)]
pub fn with_fault<R>(fault: Fault, model: impl FnOnce() -> R) -> R {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            SEEDED.with(|cell| cell.set(None));
        }
    }
    SEEDED.with(|cell| cell.set(Some(fault)));
    let _clear = Clear;
    model()
}
