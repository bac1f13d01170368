//! What a sink does, step by step.

use super::*;

fn sink(repairs: bool) -> (Sink<u32>, Instant) {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let limits = Limits { repairs, parked_bytes: 100, answer_within: second, link_lost_after: 5 * second };
    (Sink::new(limits, now), now)
}

fn header(from: u64, start: u64, count: u32) -> Header {
    let condition = Condition::Live;
    Header { condition, ring_id: [0; 16], epoch: 1, epoch_first: 0, from, start, count }
}

fn told(condition: Condition, epoch: u64, at: u64) -> Header {
    Header { condition, epoch, ..header(at, at, 0) }
}

#[test]
fn a_frame_at_the_head_is_taken_and_one_before_it_is_not() {
    let (mut sink, now) = sink(true);
    assert_eq!(sink.offer(5, &header(5, 5, 3), 1, 10, false, now), (Verdict::Take { skip_to: 5 }, Some(1)));
    assert_eq!(sink.offer(8, &header(5, 5, 3), 1, 10, false, now), (Verdict::Repeated, None));
    assert_eq!(sink.offer(8, &header(5, 5, 6), 1, 10, false, now), (Verdict::Take { skip_to: 8 }, Some(1)));
}

#[test]
fn a_frame_just_continues_the_mirror_if_it_needs_neither_a_skip_nor_a_successor_and_nothing_is_kept() {
    let (mut sink, now) = sink(true);
    assert!(!sink.continues(5, &header(5, 5, 3), now), "the source wasn't heard yet");
    sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, false, now);
    assert!(!sink.continues(5, &header(5, 5, 3), now), "nobody has entered");
    sink.entered(5);
    assert!(sink.continues(5, &header(5, 5, 3), now) && sink.continues(8, &header(5, 5, 6), now));
    assert_eq!((sink.sent(), sink.told_at()), (11, Some(11)));
    let later = now + Duration::from_secs(1);
    for other in [
        header(11, 12, 2),
        header(12, 12, 2),
        header(8, 8, 3),
        header(11, 11, 0),
        Header { epoch: 2, ..header(11, 11, 2) },
        Header { epoch: 0, ..header(11, 11, 2) },
    ] {
        assert!(!sink.continues(11, &other, later), "{other:?}");
    }
    assert_eq!((sink.sent(), sink.told_at(), sink.heard_at()), (11, Some(11), now), "nothing is done");
    sink.offer(11, &header(20, 20, 1), 20, 10, false, now);
    assert!(!sink.continues(11, &header(11, 11, 2), now), "something is kept");
}

#[test]
fn a_loss_at_the_source_is_skipped() {
    let (mut sink, now) = sink(true);
    assert_eq!(sink.offer(5, &header(5, 9, 3), 1, 10, false, now), (Verdict::Take { skip_to: 9 }, Some(1)));
    assert_eq!(
        sink.offer(12, &header(12, 20, 0), 1, 10, false, now),
        (Verdict::Take { skip_to: 20 }, Some(1))
    );
}

#[test]
fn a_gap_is_asked_for_and_what_is_behind_it_waits() {
    let (mut sink, now) = sink(true);
    assert_eq!(sink.offer(5, &header(8, 8, 2), 8, 10, false, now), (Verdict::Parked, None));
    assert_eq!(sink.offer(5, &header(10, 10, 2), 10, 10, false, now), (Verdict::Parked, None));
    assert_eq!(sink.question(5, now), Some(Range { from: 5, to: 8 }));
    assert_eq!((sink.question(5, now), sink.next_parked(5)), (None, None));
    assert_eq!(sink.offer(5, &header(5, 5, 3), 5, 10, false, now), (Verdict::Take { skip_to: 5 }, Some(5)));
    assert_eq!((sink.next_parked(8), sink.next_parked(10), sink.parked_bytes()), (Some(8), Some(10), 0));
    assert_eq!(sink.question(12, now), None);
}

#[test]
fn a_heartbeat_shows_what_was_lost_at_the_end() {
    let (mut sink, now) = sink(true);
    sink.offer(5, &header(9, 9, 0), 0, 10, false, now);
    assert_eq!(sink.question(5, now), Some(Range { from: 5, to: 9 }));
}

#[test]
fn a_question_without_an_answer_is_asked_again_later_and_later() {
    let (mut sink, mut now) = sink(true);
    sink.offer(5, &header(9, 9, 0), 0, 10, false, now);
    for _ in 0..10 {
        assert!(sink.question(5, now).is_some());
        now += Duration::from_secs(1);
        assert_eq!(sink.question(5, now), None);
        assert!(sink.wake_at(5).unwrap() > now);
        now = sink.wake_at(5).unwrap();
    }
}

#[test]
fn what_is_kept_is_bounded_and_the_first_stay() {
    let (mut sink, now) = sink(true);
    assert_eq!(sink.offer(5, &header(30, 30, 1), 30, 60, false, now).0, Verdict::Parked);
    assert_eq!(sink.offer(5, &header(20, 20, 1), 20, 60, false, now).0, Verdict::Parked);
    assert_eq!(sink.offer(5, &header(40, 40, 1), 40, 60, false, now).0, Verdict::NoRoom);
    assert_eq!((sink.parked_bytes(), sink.next_parked(20), sink.next_parked(99)), (60, Some(20), None));
    assert_eq!(sink.question(21, now), Some(Range { from: 21, to: 41 }));
}

#[test]
fn lossy_skips_each_gap_at_once() {
    let (mut sink, now) = sink(false);
    assert_eq!(sink.offer(5, &header(8, 8, 2), 8, 10, false, now), (Verdict::Take { skip_to: 8 }, Some(8)));
    assert_eq!(
        sink.offer(10, &header(12, 12, 0), 1, 10, false, now),
        (Verdict::Take { skip_to: 12 }, Some(1))
    );
    assert_eq!(sink.question(12, now), None);
}

#[test]
fn the_mirror_closes_only_once_it_has_all() {
    let (mut sink, now) = sink(true);
    sink.offer(5, &told(Condition::Closed, 1, 9), 0, 10, false, now);
    assert_eq!((sink.role(5, now), sink.role(9, now)), (Role::Keep, Role::Close));
    // What is sent again doesn't open it.
    sink.offer(5, &header(5, 5, 4), 0, 10, false, now);
    assert_eq!(sink.role(9, now), Role::Close);
    sink.offer(9, &told(Condition::Live, 2, 9), 0, 10, false, now);
    assert_eq!(sink.role(9, now), Role::Hold);
}

#[test]
fn the_role_is_left_when_the_producer_or_the_link_is_lost() {
    let (mut sink, now) = sink(true);
    sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, false, now);
    assert_eq!(sink.role(5, now), Role::Hold);
    assert_eq!(sink.role(5, now + Duration::from_secs(5)), Role::Leave);
    sink.offer(5, &told(Condition::Lost, 1, 5), 0, 10, false, now);
    assert_eq!(sink.role(5, now), Role::Leave);
}

#[test]
fn a_successor_at_the_source_has_the_mirror_entered_where_its_epoch_begins() {
    let (mut sink, now) = sink(true);
    sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, false, now);
    sink.entered(5);
    assert_eq!(sink.enters_at(5), None);
    sink.offer(5, &Header { epoch: 2, epoch_first: 7, ..header(5, 5, 4) }, 0, 10, false, now);
    assert_eq!((sink.enters_at(5), sink.enters_at(8)), (Some(7), Some(8)));
    sink.entered(7);
    assert_eq!(sink.enters_at(7), None);
}

#[test]
fn a_loss_too_large_to_be_believed_is_asked_for_and_only_the_answer_is_taken() {
    for repairs in [true, false] {
        let (mut sink, now) = sink(repairs);
        for far in [
            header(5, 1 << 60, 0),
            header(5, 6 + FAR, 3),
            header(1 << 60, 1 << 60, 3),
            header(1 << 60, 1 << 60, 0),
        ] {
            assert_eq!(sink.offer(5, &far, 0, 10, false, now), (Verdict::Far, None));
            assert_eq!(sink.question(5, now), Some(Range { from: 5, to: far.start }));
            assert_eq!(
                sink.offer(5, &far, 0, 10, false, now).0,
                Verdict::Far,
                "while the answer is under way"
            );
            // The source has nothing of the kind.
            sink.answered(5, now);
            sink.not_before = now;
            assert_eq!(
                (sink.question(5, now), sink.sent(), sink.parked_bytes(), sink.told_at()),
                (None, 0, 0, None)
            );
        }
        let far = header(5, 6 + FAR, 3);
        assert_eq!(sink.offer(5, &far, 7, 10, true, now), (Verdict::Take { skip_to: 6 + FAR }, Some(7)));
        let near = header(5, 5 + FAR, 3);
        assert_eq!(sink.offer(5, &near, 7, 10, false, now), (Verdict::Take { skip_to: 5 + FAR }, Some(7)));
    }
}

#[test]
fn what_a_liar_said_once_is_forgotten_when_the_source_says_where_it_is() {
    let (mut sink, now) = sink(true);
    sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, false, now);
    sink.entered(5);
    // Frames and a heartbeat beyond the source's head, of an epoch that there isn't.
    let later = Header { epoch: 1 << 60, ..header(1000, 1000, 2) };
    assert_eq!(sink.offer(5, &later, 0, 10, false, now).0, Verdict::Parked);
    sink.offer(5, &told(Condition::Closed, 1 << 61, 5), 0, 10, false, now);
    assert_eq!((sink.role(5, now), sink.parked_bytes()), (Role::Close, 0));
    sink.entered(5);
    sink.offer(5, &later, 0, 10, false, now);
    assert_eq!((sink.sent(), sink.parked_bytes()), (1002, 10));
    for _ in 0..DOUBTS {
        sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, false, now);
        assert_eq!((sink.sent(), sink.parked_bytes(), sink.question(5, now)), (5, 0, None));
    }
    assert_eq!((sink.role(5, now), sink.enters_at(5)), (Role::Hold, None));
    sink.offer(5, &told(Condition::Live, 2, 5), 0, 10, false, now);
    assert_eq!(sink.enters_at(5), Some(5), "a true successor");
}

#[test]
fn a_heartbeat_that_was_overtaken_changes_nothing() {
    let (mut sink, now) = sink(true);
    sink.offer(9, &told(Condition::Closed, 2, 9), 0, 10, false, now);
    sink.offer(9, &told(Condition::Live, 1, 5), 0, 10, false, now);
    sink.offer(9, &told(Condition::Live, 2, 5), 0, 10, false, now);
    assert_eq!(sink.role(9, now), Role::Close);
}
