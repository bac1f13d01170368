use super::*;

const RING: RingId = [1; 16];

fn pace(policy: Policy) -> Pace {
    let limits = Limits { policy, slots: 64, window: 16, in_flight: 1000, sinks: 1, forget_after: None };
    Pace::new(limits, RING)
}

fn ack(next: u64) -> Ack {
    Ack { ring_id: RING, next, skipped: 0 }
}

/// Up to before which message the source may send, if the ring loses none.
fn limit(pace: &Pace, now: Instant) -> Option<u64> {
    let position = pace.position().or_else(|| pace.slowest(now))?;
    Some(position.saturating_add(pace.room(now)?))
}

#[test]
fn nothing_is_sent_before_a_sink_says_where_it_is() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    assert_eq!((pace.room(now), pace.resume(now), pace.released(10, now)), (None, None, None));
    assert_eq!(pace.heard("a", &ack(3), 10, now), Heard::NewSink);
    assert_eq!((pace.room(now), pace.resume(now)), (Some(16), Some(3)));
}

#[test]
fn the_slowest_sink_holds_the_window() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.heard("a", &ack(100), 200, now);
    pace.heard("b", &ack(90), 200, now);
    assert_eq!((limit(&pace, now), pace.released(200, now)), (Some(106), Some(58)));
    pace.heard("b", &ack(120), 200, now);
    assert_eq!((limit(&pace, now), pace.released(200, now)), (Some(116), Some(68)));
}

#[test]
fn reliable_waits_for_the_number_of_sinks_that_it_was_told() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.limits.sinks = 2;
    pace.heard("a", &ack(100), 200, now);
    assert_eq!(pace.released(200, now), None);
    pace.heard("b", &ack(100), 200, now);
    assert_eq!(pace.released(200, now), Some(68));
}

#[test]
fn a_dead_sink_holds_a_reliable_ring_until_it_is_forgotten() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.limits.forget_after = Some(Duration::from_secs(60));
    pace.heard("a", &ack(100), 200, now);
    let later = now + Duration::from_secs(59);
    pace.heard("b", &ack(150), 200, later);
    assert_eq!((pace.forget(later), limit(&pace, later)), (vec![], Some(116)));
    let later = now + Duration::from_secs(60);
    assert_eq!((pace.forget(later), limit(&pace, later)), (vec!["a".to_string()], Some(166)));
}

#[test]
fn a_sink_that_is_forgotten_holds_nothing_though_fewer_than_expected_are_left() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.limits.sinks = 2;
    pace.heard("a", &ack(100), 200, now);
    pace.heard("b", &ack(150), 200, now + SILENT_AFTER);
    assert_eq!(pace.forget_one("a", now + SILENT_AFTER), Forgotten::Done);
    assert_eq!((pace.released(200, now), pace.covered(Some(118))), (Some(118), true));
    // A later source goes on from there.
    let mut later = Pace::new(pace.limits().clone(), RING);
    later.wait_for(pace.names(), now);
    later.heard("b", &ack(150), 200, now);
    assert_eq!(later.released(200, now), None);
    later.has_known(pace.most_known());
    assert_eq!(later.released(200, now), Some(118));
}

#[test]
fn a_silent_sink_holds_back_no_other_under_history() {
    let (mut pace, now) = (pace(Policy::History), Instant::now());
    pace.heard("a", &ack(100), 200, now);
    let later = now + SILENT_AFTER;
    pace.heard("b", &ack(150), 200, later);
    assert_eq!(limit(&pace, later), Some(166));
}

#[test]
fn history_releases_what_was_sent_and_all_while_the_window_is_closed() {
    let (mut pace, now) = (pace(Policy::History), Instant::now());
    assert_eq!(pace.released(50, now), Some(50));
    pace.heard("a", &ack(10), 50, now);
    pace.resume(now);
    assert_eq!(pace.released(50, now), Some(10));
    pace.sent(20, 10, 100);
    assert_eq!(pace.released(50, now), Some(20));
    pace.sent(26, 6, 100);
    assert_eq!(pace.released(50, now), Some(50));
}

#[test]
fn what_the_ring_lost_takes_no_room_in_the_window() {
    let (mut pace, now) = (pace(Policy::History), Instant::now());
    pace.heard("a", &ack(10), 5000, now);
    pace.resume(now);
    // 10 to 999 are lost, and 6 messages follow.
    pace.sent(1006, 6, 100);
    assert_eq!((pace.room(now), pace.released(5000, now)), (Some(10), Some(1006)));
    pace.sent(3010, 10, 100);
    assert_eq!((pace.room(now), pace.released(5000, now)), (Some(0), Some(5000)));
    // In the midst of a frame.
    pace.heard("a", &ack(1004), 5000, now);
    assert_eq!(pace.room(now), Some(4));
    pace.heard("a", &ack(1006), 5000, now);
    assert_eq!(pace.room(now), Some(6));
    pace.heard("a", &ack(3010), 5000, now);
    assert_eq!(pace.room(now), Some(16));
}

#[test]
fn a_sink_that_comes_back_without_what_was_sent_long_ago_closes_the_window_until_it_has_asked() {
    for policy in [Policy::Reliable, Policy::History] {
        let (mut pace, now) = (pace(policy), Instant::now());
        pace.heard("a", &ack(10), 100, now);
        pace.resume(now);
        pace.sent(20, 10, 100);
        pace.heard("a", &ack(20), 100, now);
        pace.sent(25, 5, 100);
        assert_eq!(pace.heard("a", &ack(0), 100, now), Heard::NewSink);
        assert_eq!(pace.room(now), Some(0));
        pace.heard("a", &ack(15), 100, now);
        assert_eq!(pace.room(now), Some(6));
    }
}

#[test]
fn bytes_in_flight_close_the_window_until_they_are_acked() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.heard("a", &ack(0), 50, now);
    pace.resume(now);
    pace.sent(2, 2, 600);
    assert_eq!(limit(&pace, now), Some(16));
    pace.sent(4, 2, 600);
    assert_eq!(limit(&pace, now), Some(4));
    pace.heard("a", &ack(2), 50, now);
    assert_eq!(limit(&pace, now), Some(18));
}

#[test]
fn lossy_never_waits() {
    let (mut pace, now) = (pace(Policy::Lossy), Instant::now());
    pace.heard("a", &ack(0), 1000, now);
    pace.resume(now);
    pace.sent(900, 900, 1 << 20);
    assert_eq!((limit(&pace, now), pace.released(1000, now)), (Some(u64::MAX), None));
}

#[test]
fn acks_of_another_ring_or_of_what_there_isnt_are_refused() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    assert_eq!(pace.heard("a", &ack(11), 10, now), Heard::Refused(Refusal::Sequences));
    assert_eq!(pace.heard("a", &Ack { ring_id: [2; 16], ..ack(1) }, 10, now), Heard::Refused(Refusal::Ring));
    assert!(pace.sinks().is_empty());
}

#[test]
fn hostile_acks_make_no_more_than_so_many_sinks() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    for sink in 0..MAX_SINKS {
        assert_eq!(pace.heard(&sink.to_string(), &ack(1), 10, now), Heard::NewSink);
    }
    assert_eq!(pace.heard("one more", &ack(1), 10, now), Heard::Refused(Refusal::Sinks));
}

#[test]
fn nothing_is_released_before_the_sinks_of_an_earlier_source_are_back() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.wait_for(["a".into(), "b".into()], now);
    pace.heard("a", &ack(1000), 2000, now);
    assert_eq!((pace.released(2000, now), pace.covered(Some(0))), (None, false));
    // It is sent to nevertheless: the other one asks for what it lacks.
    assert_eq!((pace.resume(now), pace.room(now)), (Some(1000), Some(16)));
    pace.heard("b", &ack(800), 2000, now);
    assert_eq!((pace.released(2000, now), pace.covered(Some(768))), (Some(768), true));
    assert_eq!((pace.awaited().count(), pace.names().len()), (0, 2));
}

#[test]
fn a_sink_that_is_waited_for_is_forgotten_as_any() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.limits.forget_after = Some(Duration::from_secs(60));
    pace.wait_for(["a".into(), "b".into()], now);
    pace.heard("b", &ack(100), 200, now + Duration::from_secs(59));
    assert_eq!(pace.forget(now + Duration::from_secs(60)), ["a"]);
    assert_eq!(pace.released(200, now + Duration::from_secs(60)), Some(68));
}

#[test]
fn a_time_in_which_the_source_stood_still_isnt_its_sinks_silence() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.limits.forget_after = Some(Duration::from_secs(2));
    pace.wait_for(["old".into()], now);
    pace.heard("a", &ack(100), 200, now);
    let later = now + Duration::from_secs(4);
    pace.was_deaf(Duration::from_secs(4), later);
    assert!(pace.forget(later).is_empty());
    // No more than what passed is taken off.
    pace.was_deaf(Duration::from_secs(100), later);
    assert!(pace.forget(later + Duration::from_millis(1999)).is_empty());
    assert_eq!(pace.forget(later + Duration::from_secs(2)), ["a", "old"]);
}

#[test]
fn one_sink_is_forgotten_on_request_unless_it_lives() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.wait_for(["old".into()], now);
    pace.heard("a", &ack(100), 200, now);
    let later = now + SILENT_AFTER;
    pace.heard("b", &ack(150), 200, later);
    assert_eq!(pace.forget_one("nobody", later), Forgotten::Unknown);
    assert_eq!(pace.forget_one("b", later), Forgotten::Heard);
    assert_eq!(pace.forget_one("a", later), Forgotten::Done);
    assert_eq!(pace.released(200, later), None);
    assert_eq!(pace.forget_one("old", later), Forgotten::Done);
    assert_eq!(pace.released(200, later), Some(118));
}

#[test]
fn sinks_that_are_waited_for_have_their_place_among_all_that_are_known() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.wait_for((0..2 * MAX_SINKS).map(|sink| sink.to_string()), now);
    assert_eq!(pace.heard("one more", &ack(1), 10, now), Heard::Refused(Refusal::Sinks));
    assert_eq!(pace.heard("0", &ack(1), 10, now), Heard::NewSink);
    assert_eq!(pace.names().len(), MAX_SINKS);
}

#[test]
fn a_ring_is_everywhere_once_each_sink_has_it() {
    let now = Instant::now();
    let mut reliable = pace(Policy::Reliable);
    assert!(reliable.is_everywhere(100, now), "nobody has asked for it");
    reliable.wait_for(["b".into()], now);
    reliable.heard("a", &ack(100), 100, now);
    assert!(!reliable.is_everywhere(100, now));
    reliable.heard("b", &ack(99), 100, now);
    assert!(!reliable.is_everywhere(100, now + SILENT_AFTER));
    reliable.heard("b", &ack(100), 100, now);
    assert!(reliable.is_everywhere(100, now));
    let mut history = pace(Policy::History);
    history.heard("a", &ack(99), 100, now);
    assert!(!history.is_everywhere(100, now) && history.is_everywhere(100, now + SILENT_AFTER));
    let mut lossy = pace(Policy::Lossy);
    lossy.heard("a", &ack(0), 100, now);
    lossy.resume(now);
    assert!(!lossy.is_everywhere(100, now));
    lossy.sent(100, 100, 1);
    assert!(lossy.is_everywhere(100, now));
}

#[test]
fn nothing_is_released_before_a_sink_that_joins_is_heard() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.heard("a", &ack(100), 2000, now);
    assert_eq!(pace.released(2000, now), Some(68));
    pace.join(now);
    pace.join(now);
    pace.heard("a", &ack(1000), 2000, now);
    assert_eq!(pace.released(2000, now), None);
    pace.heard("b", &ack(68), 2000, now);
    assert_eq!(pace.released(2000, now), None);
    pace.heard("c", &ack(68), 2000, now);
    assert_eq!(pace.released(2000, now), Some(36));
}

#[test]
fn a_sink_that_joins_after_another_has_as_long_as_that_one() {
    let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
    pace.heard("a", &ack(100), 2000, now);
    pace.join(now);
    let later = now + JOINED_WITHIN - Duration::from_millis(1);
    pace.join(later);
    let is_kept = |now| pace.released(2000, now).is_none();
    assert!(is_kept(later + JOINED_WITHIN - Duration::from_millis(1)));
    assert!(!is_kept(later + JOINED_WITHIN));
}

#[test]
fn a_peer_that_only_asks_to_join_holds_back_nothing_for_long() {
    let (mut pace, mut now) = (pace(Policy::Reliable), Instant::now());
    pace.heard("a", &ack(100), 2000, now);
    let mut held = 0;
    for _ in 0..600 {
        pace.join(now);
        held += u32::from(pace.released(2000, now).is_none());
        now += Duration::from_millis(100);
    }
    assert_eq!(held, 100);
    // Another may join later.
    now += JOIN_PAUSE;
    pace.join(now);
    assert_eq!(pace.released(2000, now), None);
    assert_eq!(pace.released(2000, now + JOINED_WITHIN), Some(68));
}
