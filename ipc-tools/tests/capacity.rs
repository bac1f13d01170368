//! A ring whose slots hold more than this process may have: what looks at it takes no memory for messages.

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;

use common::{Ring, Run, directory};

/// Makes the ring in the file one whose slots hold `capacity` bytes each: sparse, so that it takes no memory.
fn swell(file: &File, capacity: u64) {
    // Words of the header, as docs/format.md has them.
    const SLOTS: usize = 5;
    const STRIDE: usize = 6;
    const CAPACITY: usize = 8;
    const SECTION_ALIGN: usize = 10;
    const SLOTS_OFFSET: usize = 14;
    const TOTAL: usize = 15;
    const CHECKSUM: usize = 47;
    let mut header = [0; 384];
    file.read_exact_at(&mut header, 0).unwrap();
    let mut words: Vec<u64> =
        header.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect();
    words[CAPACITY] = capacity;
    words[STRIDE] = (16 + capacity).next_multiple_of(64);
    words[TOTAL] =
        words[SLOTS_OFFSET] + (words[STRIDE] * words[SLOTS]).next_multiple_of(words[SECTION_ALIGN]);
    let bytes = words[1..CHECKSUM].iter().flat_map(|word| word.to_ne_bytes());
    words[CHECKSUM] = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let header: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all_at(&header, 0).unwrap();
    file.set_len(words[TOTAL]).unwrap();
}

#[test]
fn a_ring_larger_than_memory_is_shown_written_and_read() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "2", "--slot-size", "48"]);
    publish.feed(b"line\n");
    publish.end().with(0);
    swell(&File::options().read(true).write(true).open(&ring.path).unwrap(), 1 << 30);

    // Enough to map the ring's 2 GiB, and not for one message more.
    let limited = |command: &str, args: &[&str], input: &[u8]| {
        let path = ring.path.to_str().unwrap();
        let script = "ulimit -v 2600000; exec \"$@\"";
        let start = ["-c", script, "sh", env!("CARGO_BIN_EXE_ringway"), command, path];
        let mut run = Run::of("sh", [&start, args].concat());
        run.feed_all(input.to_vec());
        run.end().with(0)
    };
    limited("pub", &[], b"another\n");
    let shown = String::from_utf8(limited("info", &[], b"").stdout).unwrap();
    assert!(shown.contains("1073741824"), "{shown}");
    assert_eq!(limited("sub", &["--observe", "--from", "oldest"], b"").stdout, b"line\nanother\n");
    // A consumer starts half a lap back at most.
    assert_eq!(limited("sub", &["--from", "oldest"], b"").stdout, b"another\n");
}
