//! The observer in C beside the one in Rust, on rings that other processes publish to.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use ringway::{Config, Observer, Outcome, Resume, Ring, Start, Stride, Wait, memfd};
use testkit::roles::{Sender, sender, verify_in};
use testkit::{Kind, PATIENCE, Post, TestRing, payload, role};

use super::driver::{ASK, Ask, C, CLANG, CLANGXX, CPP, Driver, Program, source};

/// Enough for hundreds of laps.
const MESSAGES: u64 = 20_000;
const PATIENCE_NS: i64 = PATIENCE.as_nanos() as i64;
/// Each stride kind, with the longest payload of a test.
const STRIDES: [(Stride, u64); 4] =
    [(Stride::Aligned, 1024), (Stride::Packed, 1021), (Stride::Line, 56), (Stride::Split, 192)];

fn config(slots: u64, (stride, capacity): (Stride, u64)) -> Config {
    Config::new().slots(slots).payload_capacity(capacity).stride(stride).max_consumers(2)
}

fn path(ring: &TestRing) -> &Path {
    let TestRing::File { path, .. } = ring else { panic!("a ring in a file") };
    path
}

/// The driver reads to the end, and checks what it gets.
fn verifies(driver: &mut Driver, ring: &TestRing, resume: i32) {
    driver.ask(path(ring), Ask { resume, timeout: PATIENCE_NS, verify: true, ..ASK });
    assert!(driver.hear().starts_with("from 0 "));
}

/// What the driver says in the end: each message was received or is counted.
fn counted(answer: &[String], head: u64) {
    let [laps, counts] = answer else { panic!("{answer:?}") };
    let number = |line: &str, word: &str| -> u64 {
        let mut words = line.split(' ').skip_while(|found| *found != word);
        words.nth(1).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    let (received, lost) = (number(counts, "received"), number(counts, "lost"));
    assert!(number(laps, "laps") > 0 && lost > 0, "{answer:?}");
    assert_eq!((received + lost, number(laps, "head"), number(counts, "next")), (head, head, head));
}

/// An observer in Rust, to the end of its ring.
fn rust_counts(mut observer: Observer) {
    observer.set_wait(Wait::Yield);
    let geometry = observer.geometry().clone();
    loop {
        match observer.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(message) => verify_in(&geometry, message.seq(), message.tag(), &message),
            Outcome::Lagged(_) => {}
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(observer.received() + observer.lost(), MESSAGES);
}

pub fn what_it_accepts_is_intact_and_what_it_lost_is_counted_beside_the_one_in_rust(kind: Kind) {
    let Some(program) = Program::driver(C) else { return };
    for strided in STRIDES {
        for (slots, resume) in [(2, 0), (16, 0), (64, 1)] {
            let ring = kind.ring(&config(slots, strided));
            let mut producer = ring.start(role!(sender));
            producer.expect("ready");
            let mut driver = program.start();
            verifies(&mut driver, &ring, resume);
            let observer = ring.observer(Start::At(0), Resume::OldestSafe).unwrap();
            producer.say(MESSAGES);
            rust_counts(observer);
            counted(&driver.answer(), MESSAGES);
            driver.succeed();
            producer.succeed();
        }
    }
}

/// Publishes as many messages as it is told to, in batches of all lengths, then closes the ring.
pub fn batch_sender(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().unwrap();
    post.say("ready");
    let count = post.hear_number();
    let geometry = producer.geometry().clone();
    let capacity = geometry.payload_capacity() as usize;
    while producer.next_seq() < count {
        let from = producer.next_seq();
        let length = (1 + from % 29).min(count - from);
        let messages: Vec<(Vec<u8>, u32)> = (from..from + length)
            .map(|seq| match geometry.stride_kind().is_fixed_length() {
                true => (payload::message(seq, capacity), 0),
                false => (payload::message(seq, payload::length(seq, 0, capacity)), payload::tag(seq)),
            })
            .collect();
        producer.publish_batch_tagged_timeout(&messages, PATIENCE).unwrap();
    }
    producer.close().unwrap();
}

pub fn batches_are_lost_and_counted_like_single_messages(kind: Kind) {
    let Some(program) = Program::driver(C) else { return };
    for strided in STRIDES {
        let ring = kind.ring(&config(32, strided));
        let mut producer = ring.start(role!(batch_sender));
        producer.expect("ready");
        let mut driver = program.start();
        verifies(&mut driver, &ring, 0);
        producer.say(MESSAGES);
        counted(&driver.answer(), MESSAGES);
        driver.succeed();
        producer.succeed();
    }
}

pub fn what_is_skipped_is_counted_as_by_the_one_in_rust(kind: Kind) {
    const FIRST: u64 = 5;
    let Some(program) = Program::driver(C) else { return };
    let mut driver = program.start();
    for strided in STRIDES {
        for (before, skipped, after) in [(0, 20, 0), (0, 20, 3), (0, 9, 3), (3, 20, 3)] {
            let ring = kind.ring(&config(8, strided).first_seq(FIRST));
            let mut sender = Sender::new(ring.producer().unwrap());
            let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
            // It begins to read once head is more than a lap further.
            driver.ask(path(&ring), Ask { timeout: PATIENCE_NS, verify: true, ..ASK });
            assert!(driver.hear().starts_with("from 5 "));
            sender.send_many(before);
            sender.producer.skip_to(FIRST + before + skipped).unwrap();
            sender.send_many(after);
            sender.producer.close().unwrap();
            let (lost, head) = (before + skipped, FIRST + before + skipped + after);
            while !matches!(observer.try_recv().unwrap(), Outcome::Closed) {}
            assert_eq!((observer.received(), observer.lost(), observer.next_seq()), (after, lost, head));
            let answer = driver.answer();
            assert!(
                answer[0].starts_with("laps ") && answer[0].ends_with(&format!(" head {head}")),
                "{answer:?}"
            );
            assert_eq!(answer[1], format!("received {after} lost {lost} next {head} of bytes"));
        }
    }
    driver.succeed();
}

/// Publishes as many messages as it is told to, each time.
pub fn sender_on_demand(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    loop {
        sender.send_many(post.hear_number());
    }
}

fn message(ring: &TestRing, seq: u64) -> String {
    let (length, tag) = (payload::length(seq, 0, 1024), payload::tag(seq));
    assert_eq!(ring.geometry().payload_capacity(), 1024);
    let bytes = payload::message(seq, length);
    format!("message {seq} tag {tag} length {length} hash {:016x}", super::fnv(&bytes))
}

pub fn a_lost_producer_its_successor_and_the_end_are_told_once(kind: Kind) {
    for compiler in [C, CPP, CLANG, CLANGXX] {
        let Some(program) = Program::driver(compiler) else { continue };
        let ring = kind.ring(&config(16, STRIDES[0]));
        let mut driver = program.start();
        driver.ask(path(&ring), Ask { timeout: -1, ..ASK });
        assert_eq!(driver.hear(), "from 0 alive 0");
        // The first producer is no event.
        let mut first = ring.start(role!(sender_on_demand));
        first.say(3);
        for seq in 0..3 {
            assert_eq!(driver.hear(), message(&ring, seq));
        }
        first.kill();
        assert_eq!(driver.hear(), "producer lost");

        let mut second = Sender::new(ring.producer().unwrap());
        assert_eq!(driver.hear(), "epoch 2 from 3");
        second.send_many(2);
        assert_eq!([driver.hear(), driver.hear()], [message(&ring, 3), message(&ring, 4)]);
        second.close();
        assert_eq!(driver.hear(), "closed");
        assert_eq!(driver.answer(), ["received 5 lost 0 next 5 of bytes"]);
        driver.succeed();
    }
}

pub fn it_starts_where_it_is_told(kind: Kind) {
    let Some(program) = Program::driver(C) else { return };
    for strided in STRIDES {
        let ring = kind.ring(&config(16, strided));
        let mut sender = Sender::new(ring.producer().unwrap());
        sender.send_many(40);
        let mut driver = program.start();
        let mut first = |ask: Ask| {
            driver.ask(path(&ring), Ask { events: 0, ..ask });
            driver.answer().swap_remove(0)
        };
        assert_eq!(first(ASK), "from 24 alive 1");
        assert_eq!(first(Ask { start: 1, ..ASK }), "from 40 alive 1");
        assert_eq!(first(Ask { start: 2, at: 24, ..ASK }), "from 24 alive 1");
        assert_eq!(first(Ask { start: 2, at: 77, ..ASK }), "from 77 alive 1");
        let gone = first(Ask { start: 2, at: 23, ..ASK });
        assert_eq!(gone, "refused 13: message 23 is overwritten: 24 is the oldest that is left");
        assert!(first(Ask { start: 2, at: (1 << 62) + 1, ..ASK }).starts_with("refused 1: "));
        assert!(first(Ask { start: 3, ..ASK }).starts_with("refused 1: "));
        // A claim takes the oldest slot, whatever comes of it.
        drop(sender.producer.claim(ring.geometry().payload_capacity() as usize).unwrap());
        assert_eq!(first(ASK), "from 25 alive 1");
        drop(sender);
        assert_eq!(first(ASK), "from 25 alive 0");
        driver.succeed();
    }
}

pub fn a_buffer_that_is_too_small_loses_nothing(kind: Kind) {
    let Some(program) = Program::driver(C) else { return };
    let ring = kind.ring(&config(4, STRIDES[0]));
    ring.producer().unwrap().publish_tagged(&[7; 100], 5).unwrap();
    let mut driver = program.start();
    driver.ask(path(&ring), Ask { capacity: 99, ..ASK });
    let answer = driver.answer();
    assert_eq!(answer[1], "error 16 needs 100: message 0 has 100 bytes: give a buffer of as many");
    assert_eq!(answer[2], "received 0 lost 0 next 0 of bytes");
    driver.ask(path(&ring), Ask { capacity: 100, ..ASK });
    assert!(driver.answer()[1].starts_with("message 0 tag 5 length 100 "));
    driver.succeed();
}

pub fn a_ring_in_a_memfd_is_observed_by_its_descriptor(_: Kind) {
    for compiler in [C, CPP] {
        let Some(program) = Program::driver(compiler) else { continue };
        let ring = memfd::create(&Config::new().slots(8)).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.publish(b"in memory").unwrap();
        let descriptor = format!("/proc/{}/fd/{}", std::process::id(), ring.as_fd().as_raw_fd());
        let mut driver = program.start();
        driver.ask(Path::new(&descriptor), ASK);
        let answer = driver.answer();
        assert_eq!(answer[0], "from 0 alive 1");
        let hash = super::fnv(b"in memory");
        assert_eq!(answer[1], format!("message 0 tag 0 length 9 hash {hash:016x}"));
        driver.ask(Path::new("/proc/self/fd/0"), ASK);
        assert!(driver.answer()[0].starts_with("refused 3: a regular file was expected"));
        driver.succeed();
    }
}

pub fn nothing_that_valgrind_finds_is_wrong(kind: Kind) {
    let Some(program) = Program::driver(C) else { return };
    if !testkit::image::done({
        let mut valgrind = std::process::Command::new("valgrind");
        valgrind.arg("--version");
        valgrind
    }) {
        return;
    }
    let ring = kind.ring(&config(16, STRIDES[1]));
    let words = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full"];
    let mut driver = program.start_by(&words);
    let mut sender = Sender::new(ring.producer().unwrap());
    driver.ask(path(&ring), Ask { timeout: -1, events: u64::MAX, ..ASK });
    assert_eq!(driver.hear(), "from 0 alive 1");
    sender.send_many(100);
    sender.close();
    let answer = driver.answer();
    assert_eq!(answer[answer.len() - 2], "closed");
    assert!(answer.last().unwrap().ends_with("next 100 of bytes"), "{answer:?}");
    driver.ask(path(&ring).parent().unwrap(), ASK);
    assert!(driver.answer()[0].starts_with("refused 3: "));
    driver.succeed();
}

pub fn source_files_in_both_languages_are_one_program(kind: Kind) {
    let Some(program) = Program::linked(C, "tests/c_observer/guard.c", CPP, "tests/c_observer/driver.c")
    else {
        return;
    };
    let ring = kind.ring(&config(4, STRIDES[0]));
    let mut driver = program.start();
    driver.ask(path(&ring), ASK);
    assert_eq!(driver.answer(), ["from 0 alive 0", "empty", "received 0 lost 0 next 0 of bytes"]);
    driver.succeed();
}

pub fn the_guides_program_is_complete(kind: Kind) {
    let page = std::fs::read_to_string(source("docs/guide/c-observer.md")).expect("a page of the guide");
    let block = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("program.c");
    std::fs::write(&file, block.expect("a program")).unwrap();
    for compiler in [C, CPP] {
        let Some(program) = Program::compiled(compiler, file.to_str().expect("text")) else { continue };
        let ring = kind.ring(&Config::new().slots(2));
        let mut producer = ring.producer().unwrap();
        producer.publish_batch(&["one", "two"]).unwrap();
        producer.close().unwrap();
        let output = program.run(&[path(&ring).as_os_str()]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0: one\n1: two\n");
        assert!(output.status.success());
    }
}

pub fn the_example_prints_what_the_ring_holds(kind: Kind) {
    for compiler in [C, CPP, CLANG, CLANGXX] {
        let Some(program) = Program::compiled(compiler, "ringway-c/examples/observer.c") else { continue };
        let ring = kind.ring(&Config::new().slots(8));
        let path = path(&ring);
        let mut producer = ring.producer().unwrap();
        for number in 0..10 {
            producer.publish(format!("message {number}").as_bytes()).unwrap();
        }
        producer.close().unwrap();
        let output = program.run(&[path.as_os_str()]);
        let expected: String = (2..10).map(|number| format!("message {number}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("received 8, lost 0") && output.status.success(), "{said}");
        let output = program.run(&[OsStr::new("/dev/null")]);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty());
    }
}
