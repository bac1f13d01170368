//! `ringway pub | sub`, line by line.

mod common;

use common::{Ring, directory, noise};

/// Sends `input` through a ring to a consumer that was there first.
fn through(ring: &Ring, input: &[u8]) -> Vec<u8> {
    let (sub, mut publish) = ring.pair(&["--slots", "8"], &[]);
    publish.feed_all(input.to_vec());
    publish.end().with(0);
    sub.end().with(0).stdout
}

#[test]
fn lines_come_out_byte_for_byte() {
    let dir = directory();
    let inputs: [&[u8]; 9] = [
        b"",
        b"\n",
        b"\n\n\n",
        b"one\n",
        b"one\ntwo\n\nfour\n",
        b"no newline at the end",
        b"one\n\nno newline after an empty line",
        b"carriage\r\nreturn\0and\xff\xfeother bytes\n",
        b"\n\nx",
    ];
    for (number, input) in inputs.into_iter().enumerate() {
        let ring = Ring::at(dir.path(), &format!("ring{number}"));
        assert_eq!(through(&ring, input), input, "{}", String::from_utf8_lossy(input));
    }
}

#[test]
fn many_lines_come_out_byte_for_byte() {
    let dir = directory();
    // Noise has newlines at random, some of them close together; no line nears 64 KiB.
    let input = noise(3 << 20);
    assert!(through(&Ring::at(dir.path(), "ring"), &input) == input);
}

#[test]
fn an_observer_reads_the_same_lines() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &[]);
    publish.feed_all(b"one\n\nthree".to_vec());
    publish.end().with(0);
    let ended = ring.run("sub", &["--observe", "--json"]).end().with(0);
    assert_eq!(ended.stdout, b"one\n\nthree");
    let summary = ended.summary();
    assert_eq!((&summary["received"], &summary["lost"]), (&3.into(), &0.into()), "{summary}");
}

#[test]
fn the_summaries_count_messages_bytes_and_sequences() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for round in 0..2 {
        let mut publish = ring.run("pub", &["--json"]);
        publish.feed_all(b"one\nthree\n".to_vec());
        let summary = publish.end().with(0).summary();
        for (field, expected) in
            [("published", 2), ("bytes", 8), ("first_seq", 2 * round), ("last_seq", 2 * round + 1)]
        {
            assert_eq!(summary[field], expected, "{field}: {summary}");
        }
        assert_eq!(
            (&summary["epoch"], &summary["ended"]),
            (&(round + 1).into(), &"input".into()),
            "{summary}"
        );
    }
    let summary = ring.run("sub", &["--from", "oldest", "--json"]).end().with(0).summary();
    for (field, expected) in [("received", 4), ("bytes", 16), ("first_seq", 0), ("last_seq", 3), ("lost", 0)]
    {
        assert_eq!(summary[field], expected, "{field}: {summary}");
    }
    let quiet = ring.run("sub", &["--from", "oldest", "--quiet"]).end().with(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_late_reader_gets_what_is_kept_and_then_the_end() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "8"]);
    publish.feed_all((0..20).map(|n| format!("{n}\n")).collect::<String>().into_bytes());
    publish.end().with(0);
    // Half a lap for a consumer, a whole one for an observer.
    assert_eq!(ring.run("sub", &["--from", "oldest"]).end().with(0).stdout, b"16\n17\n18\n19\n");
    let observed = ring.run("sub", &["--observe", "--from", "oldest"]).end().with(0).stdout;
    assert_eq!(observed, b"12\n13\n14\n15\n16\n17\n18\n19\n");
    assert_eq!(ring.run("sub", &["--from", "18"]).end().with(0).stdout, b"18\n19\n");
    assert_eq!(ring.run("sub", &["--from", "latest"]).end().with(0).stdout, b"");
    ring.run("sub", &["--from", "3"]).end().with(1).saying(&["message 3 ", "16"]);
}

#[test]
fn a_line_longer_than_a_slot_goes_in_parts_and_comes_out_byte_for_byte() {
    let dir = directory();
    for len in [17, 32, 33, 600_000] {
        let long = "x".repeat(len);
        for (number, rest) in ["\nmore\n", "\n", ""].into_iter().enumerate() {
            let ring = Ring::at(dir.path(), &format!("ring{len}.{number}"));
            let (sub, mut publish) = ring.pair(&["--slot-size", "16"], &[]);
            let input = format!("fine\n\n{long}{rest}").into_bytes();
            publish.feed_all(input.clone());
            let published = publish.end().with(0).summary()["published"].as_u64().expect("a number");
            assert_eq!(published, 2 + len.div_ceil(16) as u64 + u64::from(rest.contains("more")));
            assert!(sub.end().with(0).stdout == input, "{len} bytes before {rest:?}");
        }
    }
}

#[test]
fn a_line_is_not_parted_where_messages_have_one_length() {
    let dir = directory();
    for len in [17, 100_000] {
        let long = "x".repeat(len);
        for (number, rest) in ["\nmore\n", "\n", ""].into_iter().enumerate() {
            let ring = Ring::at(dir.path(), &format!("ring{len}.{number}"));
            let (sub, mut publish) = ring.pair(&["--slot-size", "16", "--stride", "split"], &[]);
            let fine = b"0123456789abcdef\n".repeat(2);
            publish.feed_all([&fine, long.as_bytes(), rest.as_bytes()].concat());
            let bytes = format!("{len} bytes");
            publish.end().with(1).saying(&["line 3 ", &bytes, "slots hold 16", "--slot-size"]);
            // What there was comes out, and the reader learns that it wasn't all.
            let sub = sub.end().with(1).saying(&["producer", "gone"]);
            assert_eq!(sub.stdout, fine);
        }
    }
}

#[test]
fn a_line_of_exactly_a_slot_fits() {
    let dir = directory();
    for (number, end) in ["\n", ""].into_iter().enumerate() {
        let ring = Ring::at(dir.path(), &format!("ring{number}"));
        let input = format!("0123456789abcdef\n0123456789abcdef{end}");
        let (sub, mut publish) = ring.pair(&["--slot-size", "16"], &[]);
        publish.feed_all(input.clone().into_bytes());
        publish.end().with(0);
        assert_eq!(sub.end().with(0).stdout, input.as_bytes());
    }
}
