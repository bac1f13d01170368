//! Writes the seed corpus, which the fuzzer starts from and `tests/fuzz_corpus.rs` runs:
//! `cargo run --bin seeds`, in this directory.

use std::fs;
use std::io;
use std::path::Path;

/// Steps of the target `reader`, as bytes.
const ENTER: &[u8] = &[10];
const PUBLISH: &[u8] = &[11, 13, 0];
const PUBLISH_TOO_LONG: &[u8] = &[11, 50, 0];
const CLAIM: &[u8] = &[12, 5, 0];
const CLAIM_AND_DROP: &[u8] = &[12, 5, 2];
const PUBLISH_MANY: &[u8] = &[13, 9, 7, 0];
const CLOSE: &[u8] = &[14, 0];
const QUIT: &[u8] = &[14, 1];
const SKIP_TWO: &[u8] = &[14, 2, 0, 2];
const SKIP_MORE_THAN_A_LAP: &[u8] = &[14, 2, 1, 9];
const SKIP_BACK: &[u8] = &[14, 2, 0, 255];
const SKIP_TO_THE_END: &[u8] = &[14, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 64];
const JOIN: &[u8] = &[6, 0, 1];
const JOIN_SECOND: &[u8] = &[6, 1, 0];
const RECV: &[u8] = &[7, 0, 0];
const RECV_INTO: &[u8] = &[7, 0, 255 - 1];
const RECV_BATCH: &[u8] = &[7, 0, 31];
const LEAVE: &[u8] = &[9, 0];
const ATTACH: &[u8] = &[4, 0, 0, 1];
const ATTACH_LATEST: &[u8] = &[4, 1, 1, 0];
const OBSERVE: &[u8] = &[5, 0, 0];
const OBSERVE_INTO: &[u8] = &[5, 0, 1, 40];
const OBSERVE_SECOND: &[u8] = &[5, 1, 0];
const LOOK: &[u8] = &[15];
const ALL_DEAD: &[u8] = &[2, 0, 0, 0, 0, 0, 0, 0, 0];
const ALL_ALIVE: &[u8] = &[2, 255, 255, 255, 255, 255, 255, 255, 255];

/// A store: place, then value.
const STORE: u8 = 0;
const HEAD: &[u8] = &[0];
const EPOCH_AND_STATE: &[u8] = &[1];
const FIRST_SEQ: &[u8] = &[2];
const CURSOR: &[u8] = &[4, 0];
const WORD: &[u8] = &[5, 0];
const WORD_OF_ANOTHER: &[u8] = &[5, 1];
const STAMP: &[u8] = &[7, 0];
const STAMP_OF_THE_SECOND: &[u8] = &[7, 1];
const LENGTH: &[u8] = &[8, 0];
const PAYLOAD: &[u8] = &[9, 0];
const ZERO: &[u8] = &[9, 0];
const ONE: &[u8] = &[9, 1];
const LARGEST: &[u8] = &[7, 0];
const PAST_THE_LARGEST_SEQUENCE: &[u8] = &[5, 1];
const THE_LARGEST_SEQUENCE: &[u8] = &[5, 0];
const PAST_THE_CAPACITY: &[u8] = &[6, 1];
const EVEN_AFTER_HEAD: &[u8] = &[2, 2];
const ODD_AFTER_HEAD: &[u8] = &[3, 4];
const ONE_LESS: &[u8] = &[1, 255];
const A_LAP_AHEAD: &[u8] = &[1, 4];
/// Of the message two before head, and of one a lap after that.
const VOID: &[u8] = &[10, 254];
const VOID_A_LAP_AHEAD: &[u8] = &[10, 2];
const AHEAD: &[u8] = &[4, 100];

/// 4 slots of 48 bytes, two cells.
const SMALL: &[u8] = &[0b0010_0001, 0];
/// 2 packed slots of 13 bytes, two cells.
const PACKED: &[u8] = &[0b0010_1000, 1];
/// 4 slots of a line, two cells.
const LINE: &[u8] = &[0b0010_0001, 2];
/// 4 slots of 64 bytes apart from their stamps, two cells.
const SPLIT: &[u8] = &[0b0010_0001, 3];
/// 4 slots of 48 bytes and two cells, from message 5 on, some of which may be skipped; and the same split.
const SKIPPING: &[u8] = &[0b1010_0001, 0, 5];
const SKIPPING_SPLIT: &[u8] = &[0b1010_0001, 3, 4];
/// 4 slots of a type, two cells.
const TYPED: &[u8] = &[0b0011_0001, 0];

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [("reader", readers()), ("attach", attaches())] {
        let directory = corpus.join(target);
        fs::create_dir_all(&directory)?;
        for (name, bytes) in seeds {
            fs::write(directory.join(name).with_extension("seed"), bytes)?;
        }
    }
    Ok(())
}

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn readers() -> Seeds {
    let sound = [ENTER, PUBLISH, PUBLISH, JOIN, ATTACH, RECV, OBSERVE].concat();
    let sent = [ENTER, JOIN, ATTACH, PUBLISH, PUBLISH].concat();
    let read = [RECV, OBSERVE, RECV, OBSERVE, LOOK].concat();
    let hurt_in = |ring: &[u8], place: &[u8], value: &[u8]| {
        let store = [&[STORE], place, value].concat();
        [ring, &sent, &store, &read, PUBLISH, QUIT, ENTER, PUBLISH, ATTACH, OBSERVE].concat()
    };
    let hurt = |place: &[u8], value: &[u8]| hurt_in(SMALL, place, value);
    let blocked = [PUBLISH; 6].concat();
    let meanwhile = |stores: [&[u8]; 6]| [&[3], &stores.concat()[..]].concat();
    vec![
        ("sound", [SMALL, &sound, LOOK, CLOSE, RECV, RECV, OBSERVE, OBSERVE, LEAVE].concat()),
        ("sound-packed", [PACKED, &sound, CLAIM, RECV_BATCH, OBSERVE_INTO].concat()),
        ("sound-line", [LINE, &sound, CLAIM, RECV_BATCH, OBSERVE_INTO, CLOSE, &read].concat()),
        ("sound-split", [SPLIT, &sound, PUBLISH_MANY, RECV_BATCH, OBSERVE_INTO, CLOSE, &read].concat()),
        ("sound-skips", {
            let skips =
                [PUBLISH, SKIP_TWO, PUBLISH, &read, SKIP_MORE_THAN_A_LAP, &read, PUBLISH, SKIP_BACK].concat();
            [SKIPPING, ENTER, JOIN, ATTACH, &skips, &read, SKIP_TO_THE_END, &read, PUBLISH].concat()
        }),
        ("sound-skips-split", {
            let skips = [PUBLISH, SKIP_TWO, PUBLISH, RECV_BATCH, RECV_BATCH, SKIP_MORE_THAN_A_LAP].concat();
            [SKIPPING_SPLIT, ENTER, JOIN, ATTACH, &skips, &read, PUBLISH, &read, CLOSE, &read].concat()
        }),
        ("void-without-end", {
            let end = [&[STORE], HEAD, THE_LARGEST_SEQUENCE].concat();
            [SKIPPING, ENTER, JOIN, ATTACH, SKIP_MORE_THAN_A_LAP, &end, &read, &read, PUBLISH].concat()
        }),
        ("skips-refused", [SMALL, ENTER, JOIN, SKIP_TWO, PUBLISH, RECV, RECV].concat()),
        ("fixed-length-refused", {
            let refused: [&[u8]; 5] = [&[11, 7, 0], &[11, 0, 7], &[12, 7, 0], &[12, 0, 1], &[13, 7, 7, 0]];
            [SPLIT, ENTER, JOIN, &refused.concat(), PUBLISH, RECV, RECV].concat()
        }),
        ("sound-typed", [TYPED, ENTER, JOIN, ATTACH, &[11, 24, 0], &[7, 0, 0], &[5, 0], LOOK].concat()),
        ("typed-wrong-length", [TYPED, ENTER, JOIN, ATTACH, PUBLISH, &[7, 0, 0], &[5, 0], &[5, 0]].concat()),
        ("claims", [SMALL, ENTER, JOIN, CLAIM, CLAIM_AND_DROP, CLAIM, RECV, RECV, RECV].concat()),
        ("batches", [SMALL, ENTER, JOIN, PUBLISH_MANY, RECV_BATCH, PUBLISH_MANY, RECV_BATCH].concat()),
        ("into-buffers", [SMALL, &sent, RECV_INTO, OBSERVE_INTO, PUBLISH_TOO_LONG].concat()),
        ("full", [SMALL, ENTER, JOIN, JOIN_SECOND, &blocked, RECV, PUBLISH, LOOK].concat()),
        ("full-of-the-dead", [SMALL, ENTER, JOIN, &blocked, LEAVE, ALL_DEAD, &blocked].concat()),
        ("lapped", [SMALL, ENTER, ATTACH, ATTACH_LATEST, &blocked, OBSERVE, OBSERVE_SECOND].concat()),
        ("succession", [SMALL, &sent, QUIT, RECV, RECV, RECV, ENTER, RECV, PUBLISH, RECV].concat()),
        ("closed-and-opened", [SMALL, &sent, CLOSE, &read, RECV, ENTER, PUBLISH, &read].concat()),
        ("lost", [SMALL, &sent, QUIT, ALL_DEAD, &read, &read].concat()),
        ("head-zero", hurt(HEAD, ZERO)),
        ("head-largest", hurt(HEAD, THE_LARGEST_SEQUENCE)),
        ("head-past-the-largest", hurt(HEAD, PAST_THE_LARGEST_SEQUENCE)),
        ("head-all-ones", hurt(HEAD, LARGEST)),
        ("head-less", hurt(HEAD, ONE_LESS)),
        ("epoch-and-state-all-ones", hurt(EPOCH_AND_STATE, LARGEST)),
        ("epoch-and-state-zero", hurt(EPOCH_AND_STATE, ZERO)),
        ("epoch-zero-open", hurt(EPOCH_AND_STATE, ONE)),
        ("first-sequence-all-ones", hurt(FIRST_SEQ, LARGEST)),
        ("cursor-all-ones", hurt(CURSOR, LARGEST)),
        ("cursor-zero", hurt(CURSOR, ZERO)),
        ("cursor-past-the-largest", hurt(CURSOR, PAST_THE_LARGEST_SEQUENCE)),
        ("word-all-ones", hurt(WORD, LARGEST)),
        ("word-active-of-nobody", hurt(WORD_OF_ANOTHER, ONE)),
        ("stamp-zero", hurt(STAMP, ZERO)),
        ("stamp-all-ones", hurt(STAMP, LARGEST)),
        ("stamp-odd", hurt(STAMP, ODD_AFTER_HEAD)),
        ("stamp-even", hurt(STAMP, EVEN_AFTER_HEAD)),
        ("stamp-a-lap-ahead", hurt(STAMP, A_LAP_AHEAD)),
        ("void-where-none-is-skipped", hurt(STAMP, VOID)),
        ("line-void-where-none-is-skipped", hurt_in(LINE, STAMP, VOID)),
        ("void-a-lap-ahead", hurt_in(SKIPPING, STAMP, VOID_A_LAP_AHEAD)),
        ("void-of-a-published-message", hurt_in(SKIPPING_SPLIT, STAMP, VOID)),
        ("line-stamp-zero", hurt_in(LINE, STAMP, ZERO)),
        ("line-stamp-all-ones", hurt_in(LINE, STAMP, LARGEST)),
        ("line-stamp-odd", hurt_in(LINE, STAMP, ODD_AFTER_HEAD)),
        ("line-stamp-a-lap-ahead", hurt_in(LINE, STAMP, A_LAP_AHEAD)),
        ("line-payload", hurt_in(LINE, PAYLOAD, LARGEST)),
        ("split-stamp-zero", hurt_in(SPLIT, STAMP, ZERO)),
        ("split-second-stamp-zero", hurt_in(SPLIT, STAMP_OF_THE_SECOND, ZERO)),
        ("split-second-stamp-all-ones", hurt_in(SPLIT, STAMP_OF_THE_SECOND, LARGEST)),
        ("split-second-stamp-a-lap-ahead", hurt_in(SPLIT, STAMP_OF_THE_SECOND, A_LAP_AHEAD)),
        ("split-payload", hurt_in(SPLIT, PAYLOAD, LARGEST)),
        ("split-head-less", hurt_in(SPLIT, HEAD, ONE_LESS)),
        ("split-head-ahead", hurt_in(SPLIT, HEAD, AHEAD)),
        ("length-past-the-capacity", hurt(LENGTH, PAST_THE_CAPACITY)),
        ("length-all-ones", hurt(LENGTH, LARGEST)),
        ("payload", hurt(PAYLOAD, LARGEST)),
        ("stamp-gone-and-closed", { [SMALL, &sent, &[STORE], STAMP, ZERO, CLOSE, RECV, OBSERVE].concat() }),
        ("cursor-zero-after-a-lap", {
            let lap = [[PUBLISH, RECV].concat().as_slice(); 7].concat();
            [SMALL, ENTER, JOIN, &lap, &[STORE], CURSOR, ZERO, PUBLISH, PUBLISH, PUBLISH].concat()
        }),
        ("head-all-ones-looked-at", [SMALL, &sent, &[STORE], HEAD, LARGEST, LOOK].concat()),
        ("head-wrong-while-joining", {
            let joined = [JOIN_SECOND, ATTACH_LATEST, PUBLISH, &[7, 1, 0], OBSERVE_SECOND].concat();
            [SMALL, ENTER, PUBLISH, &[STORE], HEAD, AHEAD, &joined].concat()
        }),
        ("words-change-in-a-scan", {
            let stores = meanwhile([WORD_OF_ANOTHER, ONE, WORD, LARGEST, CURSOR, ZERO]);
            [SMALL, ENTER, JOIN, &[STORE], WORD_OF_ANOTHER, ONE, &stores, &blocked, ALL_ALIVE, &blocked]
                .concat()
        }),
        ("epoch-changes-while-asked", {
            let stores = meanwhile([EPOCH_AND_STATE, LARGEST, EPOCH_AND_STATE, ONE, STAMP, ZERO]);
            [SMALL, &sent, &read, QUIT, ALL_DEAD, &stores, RECV, RECV, OBSERVE, OBSERVE].concat()
        }),
    ]
}

fn attaches() -> Seeds {
    // Mode, shape, stride, number of changes, the changes, then whether the checksum stays wrong.
    let changed = |shape: u8, change: &[u8], wrong: u8| [&[4, shape, 0, 1], change, &[wrong]].concat();
    let sound = |shape: u8, stride: u8, page: u8| vec![4 | page, shape, stride, 0, 0];
    let dirty = |shape: u8, stride: u8, byte: u8| [&sound(shape, stride, 0)[..], &[byte; 3000]].concat();
    vec![
        ("nothing", vec![]),
        ("raw-zeros", vec![0; 400]),
        ("raw-cut-short", vec![0; 300]),
        ("sealed-zeros", [&[2][..], &[0; 400]].concat()),
        ("sealed-ones", [&[2][..], &[255; 400]].concat()),
        ("sound-smallest", sound(0, 0, 0)),
        ("sound-packed", sound(0b0011_0110, 1, 0)),
        ("sound-typed", sound(0b0000_1101, 0, 0)),
        ("sound-line", sound(0b0000_0001, 2, 0)),
        ("sound-line-of-nothing", sound(0b0000_0101, 2, 0)),
        ("sound-split", sound(0b0000_0001, 3, 0)),
        ("sound-split-of-nothing", sound(0b0000_0101, 3, 0)),
        ("sound-split-typed", sound(0b0000_1101, 3, 0)),
        ("sound-split-in-pages", sound(0b0001_0001, 3, 1)),
        ("sound-in-pages", sound(0b0001_0001, 0, 1)),
        ("sound-in-too-small-pages", sound(0b0000_0001, 0, 1)),
        ("dirty-ones", dirty(0, 0, 255)),
        ("dirty-low-bits", dirty(0b0010_0001, 0, 1)),
        ("dirty-twos", dirty(0b0010_0001, 1, 2)),
        ("dirty-line", dirty(0b0010_0001, 2, 1)),
        ("dirty-split", dirty(0b0010_0001, 3, 1)),
        ("checksum-wrong", changed(0, &[5, 1, 0], 1)),
        ("checksum-itself", changed(0, &[47, 1, 0], 1)),
        ("slots-not-a-power", changed(0, &[5, 2, 1], 0)),
        ("slots-huge", changed(0, &[5, 0, 0, 0, 0, 0, 1, 0, 0, 0], 0)),
        ("capacity-huge", changed(0, &[8, 0, 255, 255, 255, 255, 255, 255, 255, 255], 0)),
        ("capacity-of-the-same-stride", changed(0, &[8, 1, 4], 0)),
        ("consumers-none", changed(0, &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)),
        ("consumers-too-many", changed(0, &[9, 1, 11], 0)),
        ("align-huge", changed(0, &[10, 0, 0, 0, 0, 0, 0, 0, 0, 128], 0)),
        ("offset-off", changed(0, &[14, 2, 8], 0)),
        ("length-off", changed(0, &[15, 1, 63], 0)),
        ("placement-unknown", changed(0, &[4, 1, 7], 0)),
        ("reserved-used", changed(0, &[25, 1, 0], 0)),
        ("type-name-not-text", changed(0b0000_1101, &[35, 0, 255, 255, 255, 255, 255, 255, 255, 255], 0)),
        ("type-name-too-long", changed(0b0000_1101, &[34, 1, 10], 0)),
        ("type-align-odd", changed(0b0000_1101, &[33, 2, 1], 0)),
        ("type-of-another-size", changed(0b0000_1101, &[32, 1, 0], 0)),
    ]
}
