//! A ring whose slots hold more than this process may have: what looks at it takes no memory for messages.

mod common;

use common::{Ring, Run, directory};
use testkit::header::swell;

#[test]
fn a_ring_larger_than_memory_is_shown_written_and_read() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "2", "--slot-size", "48"]);
    publish.feed(b"line\n");
    publish.end().with(0);
    swell(&ring.path, 1 << 30);

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
