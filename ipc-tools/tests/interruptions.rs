//! Signals, closed pipes and deaths in the middle of it.

mod common;

use std::io::Read;
use std::process::ChildStdout;

use common::{Ring, Run, directory, noise, read_exactly, until};
use nix::sys::signal::Signal;

/// A `sub` and a `pub`, which has made the ring and published a line, that the `sub` has written.
fn in_touch(ring: &Ring, sub: &[&str], publish: &[&str]) -> (Run, ChildStdout, Run) {
    let mut publish = ring.run("pub", publish);
    publish.feed(b"hello\n");
    ring.until_head(1);
    let mut sub = ring.run("sub", sub);
    let (line, stdout) = read_exactly(sub.stdout(), 6);
    assert_eq!(line, b"hello\n");
    (sub, stdout, publish)
}

#[test]
fn a_signal_ends_pub_cleanly_while_it_waits_for_input() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let (sub, _stdout, publish) = in_touch(&ring, &[], &["--json"]);
        publish.signal(signal);
        let summary = publish.end().with(128 + signal as i32).summary();
        assert_eq!((&summary["published"], &summary["ended"]), (&1.into(), &"signal".into()));
        // It closed the ring, so the reader ends as well.
        sub.end().with(0).saying(&["closed"]);
    }
}

#[test]
fn a_signal_ends_pub_cleanly_while_the_ring_is_full() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, mut stdout, mut publish) = in_touch(&ring, &[], &["--json", "--slots", "8"]);
    sub.stop();
    publish.feed_all(b"line\n".repeat(100));
    // One message was read, eight more fill the ring.
    ring.until_head(9);
    publish.signal(Signal::SIGINT);
    let summary = publish.end().with(130).saying(&["SIGINT", "460 bytes", "discarded"]).summary();
    assert_eq!(
        (&summary["published"], &summary["unpublished_bytes"]),
        (&9.into(), &(92 * 5).into()),
        "{summary}"
    );
    sub.signal(Signal::SIGCONT);
    sub.end().with(0);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"line\n".repeat(8));
}

#[test]
fn a_signal_within_a_line_fails_pub_and_names_what_is_discarded() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let (sub, _stdout, mut publish) = in_touch(&ring, &[], &["--json"]);
        // One write to a pipe, so that both are read at once.
        publish.feed(b"two\nthr");
        ring.until_head(2);
        publish.signal(signal);
        let ended = publish.end().with(code).saying(&[signal.as_str(), "line 3 ", "3 bytes", "discarded"]);
        let summary = ended.summary();
        for (field, expected) in [("published", 2), ("unpublished_bytes", 3)] {
            assert_eq!(summary[field], expected, "{field}: {summary}");
        }
        sub.end().with(0).saying(&["2 messages", "closed"]);
    }
}

#[test]
fn a_pub_that_fails_before_its_first_message_leaves_no_lost_producer() {
    let dir = directory();
    for (name, args, input, said) in [
        ("few", &["--wait-for", "2", "--timeout", "50ms"][..], "hello\n", "1 consumer attached"),
        ("long", &["--wait-for", "1"], "hello\n", "line 1 "),
    ] {
        let ring = Ring::at(dir.path(), name);
        let mut sub = ring.run("sub", &["--slot-size", "4", "--stride", "split", "--json"]);
        sub.collect();
        until("a consumer attached", || ring.info()?["consumers"].get(0).cloned());
        let mut publish = ring.run("pub", args);
        publish.feed_all(input.into());
        publish.end().with(1).saying(&[said, "closed the ring"]);
        let summary = sub.end().with(0).summary();
        assert_eq!((&summary["received"], &summary["ended"]), (&0.into(), &"closed".into()), "{summary}");
        assert_eq!(ring.info().unwrap()["state"], "closed");
    }
}

#[test]
fn a_pub_that_waits_for_consumers_notices_that_its_ring_was_removed() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let publish = ring.run("pub", &["--wait-for", "1"]);
    until("the producer", || ring.info().filter(|info| info["state"] == "open"));
    std::fs::remove_file(&ring.path).unwrap();
    publish.end().with(1).saying(&["removed or replaced"]);
}

#[test]
fn a_full_ring_ends_pub_after_its_time_out_and_the_error_names_the_consumer() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, _stdout, mut publish) = in_touch(&ring, &[], &["--slots", "8", "--timeout", "100ms"]);
    sub.stop();
    publish.feed_all(b"line\n".repeat(100));
    publish.end().with(1).saying(&["100ms", "too little room", &format!("pid {}", sub.pid())]);
}

#[test]
fn missing_consumers_end_pub_after_its_time_out() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let publish = ring.run("pub", &["--wait-for", "3", "--timeout", "50ms"]);
    publish.end().with(1).saying(&["0 consumers", "asks for 3"]);
}

#[test]
fn a_signal_ends_sub_cleanly_and_frees_its_cell() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let (sub, _stdout, mut publish) = in_touch(&ring, &["--json"], &["--max-consumers", "1"]);
        ring.run("sub", &[]).end().with(1).saying(&["the only consumer cell is held"]);
        sub.signal(signal);
        let summary = sub.end().with(128 + signal as i32).summary();
        assert_eq!((&summary["received"], &summary["ended"]), (&1.into(), &"signal".into()), "{summary}");
        let mut next = ring.run("sub", &["--from", "latest"]);
        let mut stdout = next.stdout();
        // It may attach after this line, or before it; the ring's end reaches it either way.
        publish.feed(b"more\n");
        publish.end().with(0);
        next.end().with(0);
        stdout.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn a_signal_ends_an_observer_cleanly() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (observer, _stdout, _publish) = in_touch(&ring, &["--observe", "--json"], &[]);
    observer.signal(Signal::SIGINT);
    let summary = observer.end().with(130).summary();
    assert_eq!((&summary["received"], &summary["lost"], &summary["head"]), (&1.into(), &0.into(), &1.into()));
}

#[test]
fn a_signal_ends_a_sub_whose_output_nobody_reads() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut sub = ring.run("sub", &["--slots", "8", "--json"]);
    let stdout = sub.stdout();
    let mut publish = ring.run("pub", &["--slots", "8", "--wait-for", "1", "--raw"]);
    publish.feed_all(noise(4 << 20));
    // More than the pipe holds.
    ring.until_head(8);
    sub.signal(Signal::SIGINT);
    let summary = sub.end().with(130).summary();
    assert_eq!(summary["ended"], "signal", "{summary}");
    drop(stdout);
    // With its cell the last obstacle is gone.
    publish.end().with(0);
}

#[test]
fn a_sub_whose_output_is_closed_leaves_quietly() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, stdout, mut publish) = in_touch(&ring, &[], &["--slots", "8"]);
    drop(stdout);
    publish.feed_all(b"line\n".repeat(1000));
    let ended = sub.end().with(0);
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
    publish.end().with(0);
}

#[test]
fn a_sub_whose_output_is_closed_leaves_even_if_nothing_more_comes() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, stdout, publish) = in_touch(&ring, &[], &[]);
    drop(stdout);
    sub.end().with(0).saying(&["stdout was closed"]);
    drop(publish);
}

#[test]
fn a_sub_whose_output_is_on_a_full_device_says_that_it_is_stdout() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for (line, args) in [(b'x', &[][..]), (b'y', &["--raw"])] {
        let mut publish = ring.run("pub", args);
        publish.feed_all([&[line; 60_000][..], b"\n"].concat().repeat(3));
        publish.end().with(0);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = ring.run_to("sub", args, full).end().with(1);
        ended.saying(&["error: can't write to stdout: No space left", "could not be written"]);
    }
}

#[test]
fn a_killed_pub_is_reported_and_a_follower_goes_on_with_the_next() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, _stdout, publish) = in_touch(&ring, &[], &[]);
    let mut follower = ring.run("sub", &["--follow", "--json"]);
    let (line, mut stdout) = read_exactly(follower.stdout(), 6);
    assert_eq!(line, b"hello\n");
    publish.signal(Signal::SIGKILL);
    sub.end().with(1).saying(&["producer", "gone", "--follow"]);

    for line in [b"again\n", b"third\n"] {
        let mut successor = ring.run("pub", &[]);
        successor.feed(line);
        let (written, rest) = read_exactly(stdout, 6);
        assert_eq!(written, line);
        stdout = rest;
        successor.end().with(0);
    }
    follower.signal(Signal::SIGINT);
    let summary = follower.end().with(130).summary();
    assert_eq!((&summary["received"], &summary["last_seq"]), (&3.into(), &2.into()), "{summary}");
}

#[test]
fn a_killed_sub_holds_nobody_back() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, _stdout, mut publish) = in_touch(&ring, &[], &["--slots", "8"]);
    sub.stop();
    publish.feed_all(b"line\n".repeat(100));
    ring.until_head(9);
    sub.signal(Signal::SIGKILL);
    publish.end().with(0).saying(&["101 messages"]);
}

#[test]
fn a_second_pub_is_turned_away_and_a_ring_in_use_is_not_removed() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, _stdout, publish) = in_touch(&ring, &[], &[]);
    let pid = format!("pid {}", publish.pid());
    ring.run("pub", &[]).end().with(1).saying(&["already has a producer", &pid]);
    ring.run("rm", &[]).end().with(1).saying(&["in use"]);
    publish.end().with(0);
    sub.end().with(0);
    ring.run("rm", &[]).end().with(0);
    until("the file to be gone", || (!ring.path.exists()).then_some(()));
}
