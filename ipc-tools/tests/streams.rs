//! What `ringway pub` and `sub` do with frames, types, formats, rates and streams that follow each other.

mod common;

use std::time::{Duration, Instant};

use common::{Ended, Ring, Run, directory, noise, read_exactly, until};
use nix::sys::signal::Signal;
use ringway::{Config, Name, Ring as _, Start, TypeInfo, file};

/// Publishes `input` on the ring, without waiting for anybody.
fn publish(ring: &Ring, args: &[&str], input: &[u8]) -> Ended {
    let mut publish = ring.run("pub", args);
    publish.feed_all(input.to_vec());
    publish.end()
}

/// `messages` with the length of each in front.
fn framed(messages: &[&[u8]]) -> Vec<u8> {
    messages.iter().flat_map(|m| [&(m.len() as u32).to_le_bytes(), *m].concat()).collect()
}

#[test]
fn what_pub_reads_with_lengths_sub_writes_with_lengths() {
    let dir = directory();
    let long = noise(50_000);
    let input = framed(&[b"", b"one", b"\n\n", &long, b"\0", &long[..1000]]);
    for (name, shape) in [("aligned", &[][..]), ("packed", &["--stride", "packed", "--slot-size", "50000"])] {
        let ring = Ring::at(dir.path(), name);
        let args = [shape, &["--frame", "length"]].concat();
        let (sub, mut publish) = ring.pair(&args, &[]);
        publish.feed_all(input.clone());
        assert_eq!(publish.end().with(0).summary()["published"], 6);
        let sub = sub.end().with(0);
        assert!(sub.stdout == input, "{} bytes", sub.stdout.len());
        assert_eq!(sub.summary()["received"], 6);
    }
}

#[test]
fn peers_that_trust_each_other_pass_every_byte_on_in_place() {
    let dir = directory();
    let data = noise(5 << 20);
    for (name, args) in [
        ("lines", &[][..]),
        ("raw", &["--raw"]),
        ("chunks", &["--chunk", "100000"]),
        ("few", &["--raw", "--slots", "2"]),
    ] {
        let ring = Ring::at(dir.path(), name);
        let (sub, mut publish) = ring.pair(&[args, &["--trust-peers"]].concat(), &[]);
        publish.feed_all(data.clone());
        publish.end().with(0);
        let sub = sub.end().with(0);
        assert!(sub.stdout == data, "{name}: {} bytes", sub.stdout.len());
    }
}

#[test]
fn a_frame_that_is_none_is_named_and_those_before_it_are_published() {
    let dir = directory();
    for (name, rest, words) in [
        ("long", &[17, 0, 0, 0, b'x'][..], &["frame 2 ", "17 bytes", "hold 16", "little-endian"]),
        ("cut", &[3, 0, 0, 0, b'x'], &["within frame 2", "5 of at least 7", "", ""]),
        ("prefix", &[3, 0], &["within frame 2", "2 of at least 4", "", ""]),
    ] {
        let ring = Ring::at(dir.path(), name);
        let input = [&framed(&[b"fine"]), rest].concat();
        publish(&ring, &["--frame", "length", "--slot-size", "16"], &input).with(1).saying(words);
        let sub = ring.run("sub", &["--frame", "length"]).end().with(1).saying(&["producer", "gone"]);
        assert_eq!(sub.stdout, framed(&[b"fine"]));
    }
}

#[test]
fn chunks_are_put_together_from_short_reads_and_a_shorter_last_one_is_told() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    // A pipe holds less than a chunk: no read returns a whole one.
    let data = noise((3 << 20) + 5);
    let (sub, mut publish) = ring.pair(&["--chunk", "1MiB"], &[]);
    publish.feed_all(data.clone());
    let publish = publish.end().with(0);
    let summary = publish.summary();
    assert_eq!((&summary["published"], &summary["short"]), (&4.into(), &5.into()), "{summary}");
    let sub = sub.end().with(0);
    assert!(sub.stdout == data, "{} bytes", sub.stdout.len());
    assert_eq!(sub.summary()["received"], 4);
    // For people, too.
    self::publish(&ring, &["--chunk", "4"], b"12345").with(0).saying(&["last message has only 1 byte"]);
}

#[test]
fn count_ends_both_sides_after_as_many_messages() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut endless = ring.run("pub", &["--count", "3", "--json"]);
    // Its input stays open: the count ends it.
    endless.feed(b"1\n2\n3\n4\n");
    let sub = ring.run("sub", &["--count", "2", "--json"]).end().with(0);
    assert_eq!(sub.stdout, b"1\n2\n");
    assert_eq!((&sub.summary()["ended"], &sub.summary()["next"]), (&"count".into(), &2.into()));
    until("the ring to be closed", || ring.info().filter(|info| info["state"] == "closed"));
    let summary = endless.end().with(0).summary();
    assert_eq!((&summary["published"], &summary["ended"]), (&3.into(), &"count".into()), "{summary}");
    // The message that it left is still there.
    assert_eq!(ring.run("sub", &["--from", "2"]).end().with(0).stdout, b"3\n");
}

#[test]
fn a_rate_spreads_messages_and_a_signal_ends_the_wait() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let began = Instant::now();
    publish(&ring, &["--rate", "100"], b"1\n2\n3\n4\n5\n").with(0).saying(&["5 messages"]);
    // Never sooner, however fast the machine is.
    assert!(began.elapsed() >= Duration::from_millis(40));
    let mut slow = ring.run("pub", &["--rate", "0.001", "--json"]);
    slow.feed(b"6\n7\n");
    ring.until_head(6);
    slow.signal(Signal::SIGINT);
    let summary = slow.end().with(130).saying(&["SIGINT", "2 bytes"]).summary();
    assert_eq!((&summary["published"], &summary["unpublished_bytes"]), (&1.into(), &2.into()), "{summary}");
}

#[test]
fn a_sub_gives_up_after_its_time_out() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &[]);
    publish.feed(b"hello\n");
    ring.until_head(1);
    let sub =
        ring.run("sub", &["--timeout", "50ms"]).end().with(1).saying(&["no message", "50ms", "--timeout"]);
    assert_eq!(sub.stdout, b"hello\n");
}

#[test]
fn formats_show_the_fields_of_each_message() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    publish(&ring, &[], b"one\n\x1b[1m\n").with(0);
    let text = ring.run("sub", &["--format", r"{seq}\t{tag} {len} {hex} {text} {{}}"]).end().with(0);
    assert_eq!(text.stdout, b"0\t0 3 6f6e65 one {}\n1\t0 4 1b5b316d \\u{1b}[1m {}\n");
    let json = ring.run("sub", &["--from", "oldest", "--format", "json"]).end().with(0);
    let lines: Vec<serde_json::Value> = String::from_utf8(json.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["seq"], &lines[0]["text"], &lines[1]["hex"]),
        (&0.into(), &"one".into(), &"1b5b316d".into())
    );
    assert!(humantime::parse_rfc3339(lines[0]["time"].as_str().unwrap()).is_ok(), "{}", lines[0]);
}

#[test]
fn a_ring_of_a_type_is_made_and_used_by_naming_the_type() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    publish(&ring, &["--type", "Quote"], b"").with(1).saying(&["--type Quote", "NAME:SIZE"]);
    assert!(!ring.path.exists());
    let values = noise(5 * 16);
    publish(&ring, &["--type", "Quote:16:8"], &values).with(0).saying(&["5 messages"]);
    let opened = file::open(&ring.path).unwrap();
    assert_eq!(opened.geometry().type_info(), Some(&TypeInfo::new("Quote", 16, 8)));
    drop(opened);
    assert_eq!(ring.run("sub", &["--type", "Quote"]).end().with(0).stdout, values);
    // Neither another type, nor plain bytes, nor half a value.
    for command in ["pub", "sub"] {
        let ended = ring.run(command, &["--type", "Trade"]).end().with(1);
        ended.saying(&["\"Quote\" (size 16, align 8)", "\"Trade\""]);
        ring.run(command, &["--type", "Quote:24"]).end().with(1).saying(&["size 16", "size 24"]);
    }
    publish(&ring, &[], b"0123456789abcdef\n").with(1).saying(&["\"Quote\"", "--type Quote"]);
    publish(&ring, &["--type", "Quote"], &values[..20]).with(1).saying(&["4 bytes", "16"]);
    publish(&ring, &["--type", "Quote", "--frame", "length"], &framed(&[b"short"]))
        .with(1)
        .saying(&["5 bytes", "16"]);
    let plain = Ring::at(dir.path(), "plain");
    drop(file::create(&plain.path, &Config::new()).unwrap());
    plain.run("sub", &["--type", "Quote"]).end().with(1).saying(&["plain bytes"]);
}

#[test]
fn a_pipeline_runs_again_and_again_whichever_side_starts_first() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for (round, sub_first) in [true, true, false, false, true, false].into_iter().enumerate() {
        // An empty stream is a stream, too.
        let lines = ["", "one\ntwo\n", "one\ntwo\nthree\n"][round % 3];
        let input = lines.replace('e', &round.to_string());
        let start_sub = |args: &[&str]| {
            let mut sub = ring.run("sub", args);
            sub.collect();
            sub
        };
        let attached = |n| {
            until("consumers attached", || {
                ring.info().filter(|info| info["consumers"].as_array().is_some_and(|all| all.len() == n))
            })
        };
        let mut early = None;
        if sub_first {
            early = Some(start_sub(&[]));
            attached(1);
        }
        let mut publish = ring.run("pub", &["--wait-for", "1"]);
        until("the producer", || ring.info().filter(|info| info["state"] == "open"));
        let sub = early.unwrap_or_else(|| start_sub(&[]));
        publish.feed_all(input.clone().into_bytes());
        publish.end().with(0);
        assert_eq!(String::from_utf8(sub.end().with(0).stdout).unwrap(), input, "round {round}");
    }
}

#[test]
fn a_closed_stream_is_read_once_unless_it_is_asked_for() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for line in ["old\n", "new\n"] {
        publish(&ring, &[], line.as_bytes()).with(0);
    }
    // That nobody has read it doesn't bring the stream before it back.
    assert_eq!(ring.run("sub", &["--observe"]).end().with(0).stdout, b"new\n");
    assert_eq!(ring.run("sub", &[]).end().with(0).stdout, b"new\n");
    for role in [&[][..], &["--observe"]] {
        let late = ring.run("sub", &[role, &["--timeout", "50ms"]].concat()).end().with(1);
        assert_eq!(late.saying(&["closed", "--from oldest", "waiting"]).stdout, b"");
    }
    assert_eq!(ring.run("sub", &["--from", "oldest"]).end().with(0).stdout, b"old\nnew\n");
}

#[test]
fn a_best_effort_sub_that_is_stopped_is_passed_over_and_counts_its_loss() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "16", "--wait-for", "1", "--patience", "lap", "--json"]);
    until("the producer", || ring.info().filter(|info| info["state"] == "open"));
    let mut sub = ring.run("sub", &["--best-effort", "--json"]);
    publish.feed(b"first\n");
    let (line, mut stdout) = read_exactly(sub.stdout(), 6);
    assert_eq!(line, b"first\n");
    sub.stop();
    publish.feed_all(b"x\n".repeat(999));
    let told = publish.end().with(0).summary();
    assert_eq!((&told["published"], &told["times_passed_over"]), (&1000.into(), &1.into()));
    sub.signal(Signal::SIGCONT);
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stdout, &mut rest).unwrap();
    let summary = sub.end().with(0).summary();
    assert_eq!(
        (&summary["role"], &summary["start"], &summary["next"]),
        (&"best-effort".into(), &0.into(), &1000.into())
    );
    let [received, lost] = ["received", "lost"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!(received, 1 + rest.len() as u64 / 2, "{summary}");
    assert_eq!(received + lost, 1000, "{summary}");
    // Half a lap is what a reader that joins anew gets.
    assert_eq!(lost, 1000 - 8 - 1, "{summary}");
}

#[test]
fn a_pub_says_once_which_reader_it_passed_over_and_counts() {
    for args in [&[][..], &["--quiet"]] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let made = ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap();
        let named = made.with_name(Name::new("slow").unwrap());
        let _readers = [0, 1].map(|_| named.best_effort_reader(Start::Oldest).unwrap());
        let ended = publish(&ring, &[args, &["--patience", "lap"]].concat(), &b"line\n".repeat(20)).with(0);
        assert_eq!(ended.stderr.matches("warning: best-effort reader 0 (\"slow\", pid").count(), 1);
        assert_eq!(ended.stderr.contains("passed over 2 times"), args.is_empty(), "{}", ended.stderr);
    }
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    publish(&ring, &["--patience", "endless"], b"line\n").with(0);
}

#[test]
fn a_best_effort_sub_that_keeps_up_loses_nothing() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let data = b"line\n".repeat(2000);
    let mut sub = ring.run("sub", &["--best-effort", "--slots", "16"]);
    let mut publish = ring.run("pub", &["--slots", "16", "--wait-for", "1", "--patience", "1h"]);
    sub.collect();
    publish.feed_all(data.clone());
    publish.end().with(0);
    let sub = sub.end().with(0).saying(&["received 2000 messages", "lost 0 (start 0, head 2000)"]);
    assert!(sub.stdout == data);
}

#[test]
fn a_signal_ends_a_sub_that_waits_for_the_next_stream() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    publish(&ring, &[], b"").with(0);
    ring.run("sub", &[]).end().with(0);
    let waiting = ring.run("sub", &["--json"]);
    until("a consumer attached", || ring.info()?["consumers"].get(0).cloned());
    waiting.signal(Signal::SIGTERM);
    assert_eq!(waiting.end().with(143).summary()["ended"], "signal");
    let missing = ring.run("pub", &["--wait-for", "1", "--json"]);
    until("the producer", || ring.info().filter(|info| info["state"] == "open"));
    missing.signal(Signal::SIGINT);
    assert_eq!(missing.end().with(130).summary()["closed"], true);
}

#[test]
fn a_pub_that_nothing_reads_says_so_once() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let ended = publish(&ring, &["--slots", "8"], &b"line\n".repeat(5000)).with(0);
    let ended = ended.saying(&["warning", "no consumer", "don't show themselves can't be seen"]);
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{}", ended.stderr);
    let mut heard = ring.run("pub", &["--wait-for", "1"]);
    // Until then the old stream is the last one, which no consumer has read.
    until("the producer", || ring.info().filter(|info| info["state"] == "open"));
    let mut sub = ring.run("sub", &[]);
    heard.feed(b"hello\n");
    let (line, _stdout) = read_exactly(sub.stdout(), 6);
    assert_eq!(line, b"hello\n");
    let ended = heard.end().with(0);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    for args in [&["--quiet"][..], &["--json"]] {
        let ended = publish(&ring, args, b"line\n").with(0);
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    }
}

/// Waits until a `sub` has the thread that waits for its ring.
fn until_it_waits(sub: &Run) {
    let tasks = format!("/proc/{}/task", sub.pid());
    until("the sub to wait", || (std::fs::read_dir(&tasks).ok()?.count() == 2).then_some(()));
}

#[test]
fn a_sub_waits_for_a_ring_that_another_program_makes() {
    for role in [&[][..], &["--observe"]] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "to/come/ring");
        let mut sub = ring.run("sub", &[role, &["--wait-for-ring", "--from", "oldest"]].concat());
        until_it_waits(&sub);
        assert!(!ring.path.exists());
        std::fs::create_dir_all(ring.path.parent().unwrap()).unwrap();
        let mut publish = ring.run("pub", &["--slots", "32"]);
        publish.feed(b"hello\n");
        let (line, _stdout) = read_exactly(sub.stdout(), 6);
        assert_eq!(line, b"hello\n");
        publish.end().with(0);
        sub.end().with(0).saying(&["received 1 message", "closed"]);
    }
}

#[test]
fn a_sub_that_waits_for_a_ring_is_ended_by_a_signal_or_when_the_time_is_up() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let sub = ring.run("sub", &["--wait-for-ring"]);
    until_it_waits(&sub);
    sub.signal(Signal::SIGTERM);
    sub.end().with(143);
    let error = ring.run("sub", &["--wait-for-ring", "--timeout", "1ms"]).end().with(1);
    error.saying(&["no ring came within 1ms", "no such file"]);
    assert!(!ring.path.exists());
}
