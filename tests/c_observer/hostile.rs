//! What may lie at a path, and processes that do harm while the observer in C reads.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use ringway::file::{self, OpenOptions};
use ringway::{Config, Ring};
use testkit::files::vacant;
use testkit::header::{Forger, cell, hints, move_to_another_boot, page, slot};
use testkit::{Kind, PATIENCE};

use super::driver::{ASK, Ask, Program, SANITIZED};
use super::judged::{Image, Numbers, configs, sealed};

pub fn whatever_lies_at_the_path_it_says_what_it_is(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let mut says = |path: &Path, ask: Ask| {
        driver.ask(path, ask);
        let first = driver.answer().swap_remove(0);
        first.split(':').next().expect("a code").to_owned()
    };
    let (directory, path) = vacant();
    let at = |name: &str| directory.path().join(name);
    assert_eq!(says(&path, ASK), "refused 2");
    assert_eq!(says(directory.path(), ASK), "refused 3");
    assert_eq!(says(Path::new("/dev/null"), ASK), "refused 3");
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(says(&at("fifo"), ASK), "refused 3");
    for (name, bytes, expected) in [
        ("empty", vec![], "refused 3"),
        ("short", vec![0; 383], "refused 3"),
        ("zeros", vec![0; 20_000], "refused 4"),
        ("garbage", vec![0xa5; 20_000], "refused 4"),
    ] {
        fs::write(at(name), bytes).unwrap();
        assert_eq!(says(&at(name), ASK), expected, "{name}");
    }

    let ring = file::create(&path, &configs()[0]).unwrap();
    let length = ring.geometry().total_length();
    assert_eq!(says(&path, ASK), "from 0 alive 0");
    symlink(&path, at("link")).unwrap();
    assert_eq!(says(&at("link"), ASK), "refused 3");
    for offset in [1, 8, 4096, 4097, length - 100, length, u64::MAX] {
        let said = says(&path, Ask { offset, ..ASK });
        assert!(["refused 3", "refused 4"].contains(&said.as_str()), "{offset}: {said}");
    }
    let sound = fs::read(&path).unwrap();
    fs::write(at("inside"), [vec![0; 4096], sound.clone()].concat()).unwrap();
    assert_eq!(says(&at("inside"), Ask { offset: 4096, ..ASK }), "refused 11");
    fs::write(at("longer"), [&sound[..], b"."].concat()).unwrap();
    assert_eq!(says(&at("longer"), ASK), "refused 11");
    fs::write(at("shorter"), &sound[..sound.len() - 1]).unwrap();
    assert_eq!(says(&at("shorter"), ASK), "refused 11");

    let word = |at: usize, value: u64| {
        let mut bytes = sound.clone();
        bytes[8 * at..8 * at + 8].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    let magic = u64::from_ne_bytes(*b"RINGWAY?");
    for (bytes, expected) in [
        (word(0, magic), "refused 5"),
        (word(1, 0x0807_0605_0403_0201), "refused 6"),
        (word(1, 0), "refused 10"),
        (word(2, 2), "refused 7"),
        (word(2, 4), "refused 7"),
        (word(47, 1), "refused 8"),
        (sealed(word(3, 1 << 63)), "refused 9"),
        (sealed(word(7, 4)), "refused 9"),
        (sealed(word(4, 3)), "refused 10"),
        (sealed(word(4, 0)), "refused 10"),
        (sealed(word(20, 1)), "refused 10"),
    ] {
        fs::write(at("forged"), bytes).unwrap();
        assert_eq!(says(&at("forged"), ASK), expected);
    }
    move_to_another_boot(&path);
    assert_eq!(says(&path, ASK), "refused 12");
    assert_eq!(says(&path, Ask { flags: 1, ..ASK }), "from 0 alive 0");

    let embedded = at("embedded");
    File::create(&embedded).unwrap().set_len(8192).unwrap();
    let ring = OpenOptions::new().offset(8192).create(&embedded, &configs()[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.publish(b"inside").unwrap();
    assert_eq!(says(&embedded, Ask { offset: 8192, ..ASK }), "from 0 alive 1");
    assert_eq!(says(&embedded, ASK), "refused 4");
    driver.succeed();
}

/// Does harm to a ring.
type Forge = fn(&Forger);

pub fn damage_is_found_while_it_waits(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let timeout = PATIENCE.as_nanos() as i64;
    let cases: [(Forge, &str); 5] = [
        (|forger| forger.page(page::HEAD, 4), "the message isn't there, but head is 4"),
        (|forger| forger.page(page::HEAD, (1 << 62) + 1), "head is 4611686018427387905"),
        (|forger| forger.slot(3, slot::STAMP, 2002), "the stamp is 2002"),
        (|forger| forger.page(page::EPOCH_AND_STATE, 1 << 2 | 3), "epoch and state are 7"),
        (
            |forger| {
                forger.slot(3, slot::LENGTH, 49);
                forger.slot(3, slot::STAMP, 8);
            },
            "the length is 49",
        ),
    ];
    for (forge, expected) in cases {
        let (_directory, path) = vacant();
        let ring = file::create(&path, &configs()[0]).unwrap();
        let mut producer = ring.producer().unwrap();
        for message in [b"one".as_slice(), b"two", b"three"] {
            producer.publish(message).unwrap();
        }
        driver.ask(&path, Ask { start: 1, timeout, events: 1, ..ASK });
        assert_eq!(driver.hear(), "from 3 alive 1");
        forge(&Forger::new(&path, &ring));
        let said = driver.answer();
        assert!(said[0].starts_with(&format!("error 14 needs 0: at message 3, {expected}, ")), "{said:?}");
    }
    // Only a wrong head led there.
    let (_directory, path) = vacant();
    let ring = file::create(&path, &configs()[0]).unwrap();
    let forger = Forger::new(&path, &ring);
    let producer = ring.producer().unwrap();
    forger.page(page::HEAD, 1000);
    driver.ask(&path, Ask { start: 1, timeout, events: 1, ..ASK });
    assert_eq!(driver.hear(), "from 1000 alive 1");
    forger.page(page::HEAD, 3);
    let said = driver.answer();
    assert!(said[0].starts_with("error 14 needs 0: at message 1000, head is 3, "), "{said:?}");
    drop(producer);

    let (_directory, path) = vacant();
    let ring = file::create(&path, &configs()[0]).unwrap();
    // It may wait far ahead if it asked to; nothing is there, and nobody.
    drop(ring.producer().unwrap());
    driver.ask(&path, Ask { start: 2, at: 1000, timeout: 1, events: 2, ..ASK });
    assert_eq!(driver.answer()[1..3], ["producer lost", "empty"]);
    driver.succeed();
}

pub fn a_hostile_process_neither_crashes_nor_stops_it(_: Kind) {
    const EVENTS: u64 = 4000;
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut numbers = Numbers(17);
    for config in configs() {
        let image = Image::new(&config, false);
        let ring = file::open(&image.path).unwrap();
        let forger = Forger::new(&image.path, &ring);
        let (mut driver, slots) = (program.start(), ring.geometry().slots());
        driver.ask(&image.path, Ask { timeout: 1, events: EVENTS, ..ASK });
        assert!(driver.hear().starts_with("from "));
        let answer = std::thread::spawn(move || (driver.answer(), driver));
        while !answer.is_finished() {
            let near = 2 * numbers.below(64) as u64;
            match numbers.below(8) {
                0 => forger.page(page::HEAD, numbers.word(near)),
                1 => forger.page(page::EPOCH_AND_STATE, numbers.word(near)),
                2 => forger.page(page::DOORBELL, numbers.word(near)),
                3 => forger.hints(hints::SLEEPERS, numbers.word(near)),
                4 => forger.cell(0, cell::CURSOR, numbers.word(near)),
                _ => forger.slot(numbers.next() % slots, slot::STAMP, numbers.word(near)),
            }
        }
        let (said, driver) = answer.join().expect("the driver's answer");
        assert_eq!(said.len() as u64, EVENTS + 1);
        driver.succeed();
    }
}

pub fn a_process_that_moves_head_to_and_fro_keeps_no_call_from_ending(_: Kind) {
    let Some(program) = Program::compiled(SANITIZED, "tests/c_observer/toggling.c") else { return };
    let (_directory, path) = vacant();
    let ring = file::create(&path, &Config::new().slots(4).payload_capacity(48).first_seq(0)).unwrap();
    let mut producer = ring.producer().unwrap();
    // The next message's slot has an earlier one's void stamp.
    producer.skip_to(8).unwrap();
    producer.close().unwrap();
    let output = program.run(&[path.as_os_str()]);
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = "error 14: at message 8, head goes back and forth, and the stamp is 9223372036854775809, ";
    assert!(output.status.success() && said.starts_with(expected), "{}: {said}", output.status);
}
