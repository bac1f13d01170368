//! Rings that are damaged or forged: the observer in C says of each what the one in Rust says, and reads no byte
//! that isn't the ring's or its own.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ringway::{Config, Observer, Outcome, RecvError, Resume, Ring, Start, Stride, file};
use tempfile::TempDir;
use testkit::Kind;
use testkit::header::{LENGTH, WORDS, seal};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::driver::{ASK, Driver, Program, SANITIZED, source};
use super::fnv;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Quote([u64; 6]);

impl ringway::Message for Quote {
    const NAME: &'static str = "test.Quote.v1";
}

/// A small ring of each stride, a typed one, and one of each stride that skips: the last three differ from those before in
/// what the slots hold alone.
pub fn configs() -> [Config; 9] {
    let of = |slots, capacity, stride| {
        Config::new().slots(slots).payload_capacity(capacity).stride(stride).max_consumers(3)
    };
    [
        of(4, 48, Stride::Aligned),
        of(8, 13, Stride::Packed),
        of(4, 41, Stride::Line),
        of(4, 64, Stride::Split),
        of(4, 48, Stride::Aligned).of_type::<Quote>(),
        of(4, 48, Stride::Aligned).first_seq(5),
        of(8, 13, Stride::Packed).first_seq(5),
        of(4, 41, Stride::Line).first_seq(5),
        of(4, 64, Stride::Split).first_seq(5),
    ]
}

/// A ring that nobody uses: more than a lap of messages, from two producers. Where they skip, the first one skips less than
/// a lap, and the second one more. Messages follow unless it closes the ring.
pub struct Image {
    bytes: Vec<u8>,
    pub path: PathBuf,
    file: File,
    _directory: TempDir,
}

impl Image {
    pub fn new(config: &Config, close: bool) -> Self {
        let shm = Path::new("/dev/shm");
        let directory = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
        let directory = directory.expect("a temporary directory");
        let path = directory.path().join("ring");
        let ring = file::create(&path, config).unwrap();
        let geometry = ring.geometry().clone();
        for (epoch, count) in [6, 5].into_iter().enumerate() {
            let mut producer = ring.producer_of_any_type().unwrap();
            for number in 0..count {
                let message = vec![epoch as u8 * 16 + number; geometry.payload_capacity() as usize];
                producer.publish(&message).unwrap();
                if geometry.can_skip() && number == 2 {
                    let by = if epoch == 0 { 2 } else { 2 * geometry.slots() + 1 };
                    producer.skip_to(producer.next_seq() + by).unwrap();
                    if close && epoch == 1 {
                        break;
                    }
                }
            }
            if close && epoch == 1 {
                producer.close().unwrap();
            }
        }
        drop(ring);
        let bytes = fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        Self { bytes, path, file, _directory: directory }
    }

    /// Writes these bytes in place of the ring.
    fn write(&self, bytes: &[u8]) {
        self.file.set_len(bytes.len() as u64).unwrap();
        self.file.write_all_at(bytes, 0).unwrap();
    }
}

/// What the observer in Rust says of the ring at `path`.
fn in_rust(path: &Path) -> Vec<String> {
    let Ok(ring) = file::open_read_only(path) else { return vec!["refused".into()] };
    let Ok(mut observer) = ring.observer(Start::Oldest, Resume::OldestSafe) else {
        return vec!["refused".into()];
    };
    let mut said = vec![format!("from {}", observer.start())];
    for _ in 0..ASK.events {
        let (line, is_last) = event(&mut observer);
        said.push(line);
        if is_last {
            break;
        }
    }
    let (received, lost) = (observer.received(), observer.lost());
    said.push(format!("received {received} lost {lost} next {}", observer.next_seq()));
    said
}

fn event(observer: &mut Observer) -> (String, bool) {
    match observer.try_recv() {
        Ok(Outcome::Message(message)) => {
            let (seq, tag, length) = (message.seq(), message.tag(), message.len());
            (format!("message {seq} tag {tag} length {length} hash {:016x}", fnv(&message)), false)
        }
        Ok(Outcome::Lagged(count)) => (format!("lagged {count}"), false),
        Ok(Outcome::EpochChanged { epoch, first_seq }) => (format!("epoch {epoch} from {first_seq}"), false),
        Ok(Outcome::Empty) => ("empty".into(), true),
        Ok(Outcome::Closed) => ("closed".into(), true),
        Err(RecvError::Damaged(_)) => ("damaged".into(), true),
        other => panic!("{other:?}"),
    }
}

/// What the observer in C says, in the same words.
fn in_c(driver: &mut Driver, path: &Path) -> Vec<String> {
    driver.ask(path, ASK);
    let words = |line: String| {
        let cut = |word: &str| line.split(word).next().expect("the part before").to_owned();
        match line.split(' ').next().expect("a word") {
            "refused" => {
                assert!(line.len() > 40, "{line}");
                "refused".into()
            }
            "error" => {
                assert!(line.starts_with("error 14 needs 0: at message "), "{line}");
                "damaged".into()
            }
            "from" => cut(" alive "),
            "received" => cut(" of "),
            _ => line,
        }
    };
    driver.answer().into_iter().map(words).collect()
}

/// Numbers that follow from a seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number less than `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// Something that a word may have become.
    pub fn word(&mut self, before: u64) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => self.next(),
            3 => before ^ 1 << self.below(64),
            4 => before.wrapping_add(1),
            5 => before.wrapping_sub(1),
            6 => 1 << self.below(64),
            _ => self.below(40) as u64,
        }
    }
}

/// Overwrites a word, wherever it begins.
fn overwrite(bytes: &mut [u8], at: usize, numbers: &mut Numbers) {
    let word = &mut bytes[at..at + 8];
    let before = u64::from_ne_bytes((&*word).try_into().expect("8 bytes"));
    word.copy_from_slice(&numbers.word(before).to_ne_bytes());
}

/// These bytes, with the header's checksum put right.
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(header) = bytes.first_chunk_mut::<LENGTH>() {
        seal(header);
    }
    bytes
}

fn number(bytes: &[u8], word: usize) -> usize {
    u64::from_ne_bytes(bytes[8 * word..8 * word + 8].try_into().expect("8 bytes")) as usize
}

/// Both say the same of these bytes.
fn agree(driver: &mut Driver, image: &Image, bytes: &[u8], what: &dyn Fn() -> String) -> Vec<String> {
    image.write(bytes);
    let said = in_c(driver, &image.path);
    assert_eq!(said, in_rust(&image.path), "{}", what());
    said
}

pub fn each_bit_of_a_header_flipped_is_judged_as_in_rust(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let mut accepted = 0;
    for (shape, config) in configs()[..6].iter().enumerate() {
        let image = Image::new(config, true);
        for bit in 64..WORDS * 64 - 64 {
            let mut bytes = image.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let what = || format!("bit {} of word {} of ring {shape}", bit % 64, bit / 64);
            let said = agree(&mut driver, &image, &sealed(bytes), &what);
            accepted += u32::from(said[0] != "refused");
        }
    }
    assert!(accepted > 128 * 5, "the ring's id may be any");
    driver.succeed();
}

pub fn forged_types_are_judged_as_in_rust(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let names: [&[u8]; 14] = [
        b"",
        b"a",
        b"a\0b",
        b"\0",
        "\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        b"\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        &[b'n'; 96],
    ];
    let mut accepted = 0;
    for (shape, config) in configs()[..6].iter().enumerate() {
        let image = Image::new(config, true);
        let capacity = number(&image.bytes, 8);
        let names = names
            .into_iter()
            .flat_map(|name| [0, name.len(), name.len() + 1, 97].map(|length| (name, length, capacity, 8)));
        let sizes = [0, capacity, capacity + 1]
            .into_iter()
            .flat_map(|size| [0, 1, 3, 8, 16, 32].map(|align| (b"a".as_slice(), 1, size, align)));
        for (name, length, size, align) in names.chain(sizes) {
            let mut bytes = image.bytes.clone();
            for (at, word) in [(32, size), (33, align), (34, length)] {
                bytes[8 * at..8 * at + 8].copy_from_slice(&word.to_ne_bytes());
            }
            bytes[280..376].fill(0);
            bytes[280..280 + name.len()].copy_from_slice(name);
            let what = || format!("{name:?}, {length} long, {size} by {align}, of ring {shape}");
            let said = agree(&mut driver, &image, &sealed(bytes), &what);
            accepted += u32::from(said[0] != "refused");
        }
    }
    assert!(accepted > 30, "{accepted} are types");
    driver.succeed();
}

pub fn words_overwritten_anywhere_are_judged_as_in_rust(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let mut numbers = Numbers(13);
    let mut damaged = 0;
    for (shape, config) in configs().iter().enumerate() {
        for close in [false, true] {
            let image = Image::new(config, close);
            let [producer, slots] = [11, 14].map(|word| number(&image.bytes, word));
            let sound = agree(&mut driver, &image, &image.bytes, &|| "a sound ring".into());
            assert_eq!(sound[sound.len() - 2], if close { "closed" } else { "empty" });
            for round in 0..300 {
                let mut bytes = image.bytes.clone();
                for _ in 0..=numbers.below(3) {
                    let at = match numbers.below(6) {
                        0 => 8 + 8 * numbers.below(46),
                        1 => producer + [0, 128, 136, 144][numbers.below(4)],
                        2..5 => slots + 8 * numbers.below(64),
                        _ => numbers.below(bytes.len() - 8),
                    };
                    overwrite(&mut bytes, at, &mut numbers);
                }
                let bytes = if round % 8 == 0 { bytes } else { sealed(bytes) };
                let what = || format!("round {round} of ring {shape}, closed: {close}");
                let said = agree(&mut driver, &image, &bytes, &what);
                damaged += u32::from(said.iter().any(|line| line == "damaged"));
            }
        }
    }
    assert!(damaged > 100, "{damaged} rings were damaged so that it was noticed");
    driver.succeed();
}

pub fn what_a_fuzzer_found_is_judged_as_in_rust(_: Kind) {
    let Some(program) = Program::driver(SANITIZED) else { return };
    let mut driver = program.start();
    let images = configs().map(|config| Image::new(&config, false));
    let mut seeds = 0;
    for target in ["attach", "reader"] {
        for entry in fs::read_dir(source("ipc-core/fuzz/corpus").join(target)).expect("the corpus") {
            let path = entry.expect("an entry").path();
            let seed = fs::read(&path).expect("a seed");
            seeds += 1;
            for image in &images {
                // As a whole file; over a sound header; over each of the sections that an observer reads.
                let mut candidates = vec![seed.clone(), sealed([&seed[..], &[0; LENGTH]].concat())];
                for at in [8, 24, 40, 256, number(&image.bytes, 11), number(&image.bytes, 14)] {
                    let mut bytes = image.bytes.clone();
                    let length = seed.len().min(bytes.len() - at);
                    bytes[at..at + length].copy_from_slice(&seed[..length]);
                    candidates.push(sealed(bytes));
                }
                for bytes in candidates {
                    agree(&mut driver, image, &bytes, &|| path.display().to_string());
                }
            }
        }
    }
    assert!(seeds > 90, "{seeds} seeds");
    driver.succeed();
}
