//! The names that roles give themselves, and what becomes of words that are none.

use std::sync::atomic::Ordering::Relaxed;

use ringway_core::{
    AttachError, Attached, Config, Forked, Name, PublishError, RecvError, Ring, Start, Stats, Truncated,
};

use crate::common::{EPOCH_STATE, Kind, TestRing, WORD};
use crate::said::own_uid;

/// The words of a name, as docs/format.md has them: in the producer page, and in a cell.
const PAGE_UID: u64 = 192;
const PAGE_LEN: u64 = 200;
const PAGE_NAME: u64 = 208;
const CELL_UID: u64 = 64;
const CELL_LEN: u64 = 72;
const CELL_NAME: u64 = 80;

fn a_ring() -> TestRing {
    Kind::Copied.ring(&Config::new().slots(2).payload_capacity(8).max_consumers(2))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn words(text: &[u8]) -> [u64; 4] {
    let mut bytes = [0; 32];
    bytes[..text.len()].copy_from_slice(text);
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|word| u64::from_ne_bytes(words[word]))
}

/// Looks once, through a mapping of its own.
fn stats(ring: &TestRing) -> Stats {
    ring.stats().unwrap()
}

fn the_consumer(ring: &TestRing) -> Attached {
    stats(ring).consumers[0]
}

/// What a producer that finds the ring full says.
fn full(ring: &TestRing) -> PublishError {
    let mut producer = ring.producer().unwrap();
    loop {
        if let Err(error) = producer.try_publish(b"message") {
            return error;
        }
    }
}

#[test]
fn a_role_says_of_which_user_it_is_and_how_it_is_called_in_the_words_of_the_format() {
    let ring = a_ring();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let uid = u64::from(own_uid());
    assert_eq!((ring.page(PAGE_UID).load(Relaxed), ring.cell(0, CELL_UID).load(Relaxed)), (uid + 1, uid + 1));
    assert_eq!((ring.page(PAGE_LEN).load(Relaxed), ring.cell(0, CELL_LEN).load(Relaxed)), (0, 0));

    let longest = "quotes, of the second exchange 2";
    producer.set_name(name(longest)).unwrap();
    consumer.set_name(name("recorder")).unwrap();
    assert_eq!((producer.name(), consumer.name()), (Some(name(longest)), Some(name("recorder"))));
    assert_eq!((ring.page(PAGE_LEN).load(Relaxed), ring.cell(0, CELL_LEN).load(Relaxed)), (32, 8));
    for (at, (page, cell)) in (0..).zip(words(longest.as_bytes()).into_iter().zip(words(b"recorder"))) {
        assert_eq!(ring.page(PAGE_NAME + 8 * at).load(Relaxed), page);
        assert_eq!(ring.cell(0, CELL_NAME + 8 * at).load(Relaxed), cell);
    }

    let found = stats(&ring);
    assert_eq!((found.producer_uid, found.producer_name), (Some(own_uid()), Some(name(longest))));
    assert_eq!((found.consumers[0].uid, found.consumers[0].name), (Some(own_uid()), Some(name("recorder"))));
    consumer.set_name(None).unwrap();
    assert_eq!((the_consumer(&ring).name, the_consumer(&ring).uid), (None, Some(own_uid())));
}

#[test]
fn what_stops_a_producer_or_keeps_it_out_is_named() {
    let ring = a_ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_name(name("disk")).unwrap();
    let error = full(&ring);
    let PublishError::Full(found) = error else { panic!("{error}") };
    assert_eq!((found.name, found.uid), (Some(name("disk")), Some(own_uid())));
    let (pid, uid) = (std::process::id(), own_uid());
    assert!(
        error.to_string().contains(&format!("reader 0 (\"disk\", pid {pid}, uid {uid}) is 2")),
        "{error}"
    );

    let mut producer = ring.producer().unwrap();
    producer.set_name(name("first")).unwrap();
    let taken = ring.producer().unwrap_err();
    assert!(matches!(taken, AttachError::ProducerTaken { name: Some(n), .. } if n == name("first")));
    let said = format!("(\"first\", pid {pid}, uid {uid}, as it wrote itself)");
    assert!(taken.to_string().contains(&said), "{taken}");
}

#[test]
fn a_best_effort_reader_has_a_name_as_a_consumer_has() {
    let ring = a_ring();
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    reader.set_name(name("display")).unwrap();
    assert_eq!((reader.name(), the_consumer(&ring).name), (Some(name("display")), Some(name("display"))));
    drop(reader);
    assert_eq!(ring.cell(0, CELL_LEN).load(Relaxed), 0);
}

#[test]
fn a_dead_roles_name_doesnt_stay_beside_its_successor() {
    let ring = a_ring();
    let mut dead = ring.consumer(Start::Oldest).unwrap();
    dead.set_name(name("dead")).unwrap();
    ring.kill(dead);
    assert_eq!(stats(&ring).consumers, []);
    let _next = ring.consumer(Start::Oldest).unwrap();
    assert_eq!(the_consumer(&ring).name, None);

    let mut dead = ring.producer().unwrap();
    dead.set_name(name("dead")).unwrap();
    ring.free_producer();
    assert_eq!(stats(&ring).producer_name, Some(name("dead")), "the last producer's, as its PID is");
    let _next = ring.producer().unwrap();
    assert_eq!(stats(&ring).producer_name, None);
    // The one that was taken for dead writes nothing any more.
    assert!(matches!(dead.set_name(name("undead")), Err(PublishError::Deposed { .. })));
    assert_eq!(stats(&ring).producer_name, None);
}

#[test]
fn a_consumer_that_leaves_takes_its_name_with_it() {
    let ring = a_ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_name(name("gone")).unwrap();
    drop(consumer);
    // A program that knows of no names takes the cell without writing one.
    assert_eq!((ring.cell(0, CELL_LEN).load(Relaxed), ring.cell(0, CELL_UID).load(Relaxed)), (0, 0));
}

#[test]
fn words_that_are_no_name_are_shown_as_none_wherever_names_are_shown() {
    let hostile: [(u64, [u64; 4]); 6] = [
        (33, words(&[b'x'; 32])),
        (u64::MAX, words(&[b'x'; 32])),
        (1 << 32 | 1, words(b"x")),
        (8, words(b"\xff\xfe\x80abcde")),
        (1, words("ä".as_bytes())),
        (32, [u64::MAX; 4]),
    ];
    for (len, found) in hostile {
        let ring = a_ring();
        let _consumer = ring.consumer(Start::Oldest).unwrap();
        let producer = ring.producer().unwrap();
        for (at, word) in (0..).zip(found) {
            ring.page(PAGE_NAME + 8 * at).store(word, Relaxed);
            ring.cell(0, CELL_NAME + 8 * at).store(word, Relaxed);
        }
        for (page, cell) in [(PAGE_LEN, CELL_LEN), (PAGE_UID, CELL_UID)] {
            ring.page(page).store(len, Relaxed);
            ring.cell(0, cell).store(len, Relaxed);
        }
        let shown = stats(&ring);
        assert_eq!((shown.producer_name, shown.consumers[0].name), (None, None), "{len}");
        let taken = ring.producer().unwrap_err();
        assert!(matches!(taken, AttachError::ProducerTaken { name: None, .. }), "{taken}");
        drop(producer);
        let error = full(&ring);
        assert!(matches!(error, PublishError::Full(full) if full.name.is_none()), "{error}");
    }
}

#[test]
fn an_escape_sequence_reaches_no_error() {
    let ring = a_ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_name(name("\x1b]0;owned\x07\n\u{202e}")).unwrap();
    let full = full(&ring);
    let mut producer = ring.producer().unwrap();
    producer.set_name(name("\x1b[2J")).unwrap();
    for text in [full.to_string(), ring.producer().unwrap_err().to_string()] {
        assert!(text.contains("\"\\u{1b}"), "{text}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn a_uid_that_none_can_have_isnt_shown() {
    let ring = a_ring();
    let _consumer = ring.consumer(Start::Oldest).unwrap();
    for (word, uid) in
        [(0, None), (1, Some(0)), (1 << 32, Some(u32::MAX)), ((1 << 32) + 1, None), (u64::MAX, None)]
    {
        ring.cell(0, CELL_UID).store(word, Relaxed);
        ring.page(PAGE_UID).store(word, Relaxed);
        assert_eq!((the_consumer(&ring).uid, stats(&ring).producer_uid), (uid, uid), "{word}");
    }
}

#[test]
fn a_handle_that_cant_be_used_names_nothing() {
    let ring = a_ring();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    ring.in_a_child(|| {
        assert_eq!(producer.set_name(name("child")), Err(PublishError::Forked(Forked)));
        assert_eq!(consumer.set_name(name("child")), Err(RecvError::Forked(Forked)));
    });
    assert_eq!((stats(&ring).producer_name, the_consumer(&ring).name), (None, None));
    ring.truncate();
    assert_eq!(producer.set_name(name("late")), Err(PublishError::Truncated(Truncated)));
    assert_eq!(consumer.set_name(name("late")), Err(RecvError::Truncated(Truncated)));
}

#[test]
fn names_change_nothing_that_the_protocol_goes_by() {
    let ring = a_ring();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let before = (ring.page(EPOCH_STATE).load(Relaxed), ring.cell(0, WORD).load(Relaxed));
    producer.set_name(name("quotes")).unwrap();
    consumer.set_name(name("recorder")).unwrap();
    assert_eq!((ring.page(EPOCH_STATE).load(Relaxed), ring.cell(0, WORD).load(Relaxed)), before);
    producer.publish(b"message").unwrap();
    assert!(consumer.try_recv().unwrap().is_message());
}
