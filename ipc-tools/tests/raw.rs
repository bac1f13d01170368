//! `ringway pub --raw`: bytes of any kind, to several readers at once.

mod common;

use std::io::Read;
use std::thread;

use common::{Ring, directory, noise, read_exactly};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

#[test]
fn consumers_get_every_byte_and_a_stopped_observer_knows_what_it_lost() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let shape = ["--slots", "16", "--slot-size", "4KiB"];
    let data = noise(8 << 20);

    let mut publish = ring.run("pub", &[&shape[..], &["--raw", "--wait-for", "2", "--json"]].concat());
    let mut consumers = [(); 2].map(|()| ring.run("sub", &[&shape[..], &["--raw", "--json"]].concat()));
    let digests = consumers.each_mut().map(|consumer| {
        let mut stdout = consumer.stdout();
        thread::spawn(move || {
            let (mut digest, mut buffer) = (Sha256::new(), [0; 4096]);
            loop {
                match stdout.read(&mut buffer).expect("the consumer writes") {
                    0 => return digest.finalize(),
                    n => digest.update(&buffer[..n]),
                }
            }
        })
    });
    let mut observer = ring.run("sub", &[&shape[..], &["--observe", "--raw", "--json"]].concat());
    let observed = observer.stdout();

    // The observer is there once it hands on the first bytes. Then it sleeps through all the others.
    let (first, rest) = data.split_at(1000);
    publish.feed(first);
    let (bytes, mut observed) = read_exactly(observed, first.len());
    assert_eq!(bytes, first);
    observer.stop();
    publish.feed_all(rest.to_vec());
    let published = publish.end().with(0).summary();
    observer.signal(Signal::SIGCONT);
    let reader = thread::spawn(move || observed.read_to_end(&mut Vec::new()));

    for digest in digests {
        assert_eq!(digest.join().unwrap(), Sha256::digest(&data));
    }
    for consumer in consumers {
        let summary = consumer.end().with(0).summary();
        assert_eq!(
            (&summary["received"], &summary["lost"]),
            (&published["published"], &0.into()),
            "{summary}"
        );
    }
    let summary = observer.end().with(0).summary();
    reader.join().unwrap().expect("the observer writes");
    let count = |field: &str| summary[field].as_u64().expect(field);
    assert_eq!(count("received") + count("lost"), count("head") - count("start"), "{summary}");
    assert_eq!((count("start"), &summary["head"]), (0, &published["published"]), "{summary}");
    // Eight MiB went through a ring of 64 KiB meanwhile.
    assert!(count("lost") >= 2000, "{summary}");
}

#[test]
fn chunks_are_no_longer_than_asked_for() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let (sub, mut publish) = ring.pair(&["--slots", "8"], &["--raw", "--chunk", "10"]);
    publish.feed_all(noise(25));
    assert_eq!(publish.end().with(0).summary()["published"], 3);
    let sub = sub.end().with(0);
    assert_eq!((&sub.stdout, &sub.summary()["received"]), (&noise(25), &3.into()));
}

#[test]
fn a_chunk_that_an_existing_rings_slots_do_not_hold_is_refused() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("pub", &["--slot-size", "1KiB"]).end().with(0);
    let publish = ring.run("pub", &["--raw", "--chunk", "1025"]);
    publish.end().with(1).saying(&["--chunk 1025", "1024"]);
}

#[test]
fn sub_raw_adds_no_newlines() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &[]);
    publish.feed_all(b"one\ntwo\n".to_vec());
    publish.end().with(0);
    assert_eq!(ring.run("sub", &["--raw"]).end().with(0).stdout, b"onetwo");
}

#[test]
fn chunks_of_the_exact_length_pass_through_rings_of_one_length() {
    let dir = directory();
    for stride in ["line", "split"] {
        let ring = Ring::at(dir.path(), stride);
        let shape = ["--slots", "8", "--slot-size", "40", "--stride", stride];
        // The input comes in pieces that are no chunks, and longer than a page.
        let data = noise(40 * 1000);
        let mut sub = ring.run("sub", &[&shape[..], &["--raw", "--json"]].concat());
        sub.collect();
        let mut publish = ring.run("pub", &[&shape[..], &["--raw", "--wait-for", "1", "--json"]].concat());
        let (first, rest) = data.split_at(100);
        publish.feed(first);
        ring.until_head(2);
        publish.feed_all(rest.to_vec());
        assert_eq!(publish.end().with(0).summary()["published"], 1000, "{stride}");
        let sub = sub.end().with(0);
        assert!(sub.stdout == data, "{stride}: {} bytes", sub.stdout.len());
        assert_eq!(sub.summary()["received"], 1000, "{stride}");
    }
}

#[test]
fn what_is_no_whole_chunk_is_refused_where_all_messages_have_one_length() {
    let dir = directory();
    for stride in ["line", "split"] {
        let ring = Ring::at(dir.path(), stride);
        let mut publish =
            ring.run("pub", &["--slots", "8", "--slot-size", "40", "--stride", stride, "--raw", "--json"]);
        publish.feed_all(noise(50));
        let publish = publish.end().with(1).saying(&["10", "40"]);
        let summary = publish.summary();
        assert_eq!(
            (&summary["published"], &summary["unpublished_bytes"]),
            (&1.into(), &10.into()),
            "{stride}"
        );
    }
}

#[test]
fn a_last_line_of_the_exact_length_needs_no_newline_and_gets_one() {
    let dir = directory();
    for stride in ["line", "split"] {
        let ring = Ring::at(dir.path(), stride);
        let mut publish = ring.run("pub", &["--slots", "8", "--slot-size", "3", "--stride", stride]);
        publish.feed_all(b"one\ntwo".to_vec());
        publish.end().with(0);
        assert_eq!(ring.run("sub", &[]).end().with(0).stdout, b"one\ntwo\n", "{stride}");
    }
}
