//! `ringway watch`: what it tells of rings in use, in lines and on a terminal.

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{ChildStdout, Command};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Ring, Run, directory, until};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::tcgetattr;
use nix::unistd::Pid;
use serde_json::Value;

/// Looks that a test may take for what it waits for: they bound a hang.
const LOOKS: &str = "6000";

/// The lines of a watch.
struct Watched {
    run: Run,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    /// Watches `path`, which may be a directory's.
    fn new(path: &std::path::Path) -> Self {
        let path = path.to_str().expect("the path is text");
        let args = ["watch", "--json", "--interval", "10ms", "--count", LOOKS, path];
        let mut run = Run::of(env!("CARGO_BIN_EXE_ringway"), args);
        let lines = BufReader::new(run.stdout()).lines();
        Self { run, lines }
    }

    /// The first line from now on of which `is` is true.
    #[track_caller]
    fn until(&mut self, description: &str, is: impl Fn(&Value) -> bool) -> Value {
        let values = self.lines.by_ref().map(|line| line.expect("text"));
        let mut values = values.map(|line| serde_json::from_str::<Value>(&line).expect("JSON"));
        values.find(is).unwrap_or_else(|| panic!("it ended before {description}"))
    }
}

#[test]
fn a_stopped_consumer_a_dead_producer_and_the_next_ring_are_told_apart() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut watch = Watched::new(&ring.path);
    watch.until("there was no ring", |line| {
        line["error"].as_str().is_some_and(|why| why.contains("no such file"))
    });

    let mut publish = ring.run("pub", &["--slots", "8"]);
    // `sub` would make a ring of its own, of another size.
    watch.until("the ring was made", |line| line["slots"] == 8);
    publish.feed(b"hello\n");
    let sub = ring.run("sub", &[]);
    let reads = |line: &Value| line["consumers"][0]["next"] == 1;
    let line = watch.until("the consumer had read", reads);
    assert_eq!((&line["state"], &line["epoch"], &line["slots"]), (&"open".into(), &1.into(), &8.into()));
    assert_eq!(line["producer_pid"], publish.pid().as_raw());
    sub.stop();
    publish.feed(b"one\ntwo\n");
    let stopped =
        |line: &Value| line["consumers"][0]["stopped_s"].as_f64().is_some_and(|seconds| seconds >= 1.0);
    let line = watch.until("the consumer was called stopped", stopped);
    assert_eq!((&line["head"], &line["consumers"][0]["lag"]), (&3.into(), &2.into()));
    assert_eq!(line["messages_per_s"], 0.0);

    // A full ring, and a producer that waits for room.
    publish.feed(b"3\n4\n5\n6\n7\n8\n9\n10\n");
    watch.until("the ring was full", |line| line["times_full"].as_u64().is_some_and(|times| times > 0));
    publish.signal(Signal::SIGKILL);
    let line = watch.until("the producer died", |line| line["state"] == "producer-lost");
    assert_eq!((&line["producer_alive"], &line["head"]), (&false.into(), &9.into()));

    fs::remove_file(&ring.path).unwrap();
    watch.until("the ring was gone", |line| line["error"].is_string());
    let next = ring.run("pub", &["--slots", "16"]);
    let line = watch.until("the next ring came", |line| line["state"] == "open");
    assert_eq!((&line["slots"], &line["head"]), (&16.into(), &0.into()));
    watch.run.signal(Signal::SIGINT);
    watch.run.end().with(130);
    next.end().with(0);
}

#[test]
fn rings_of_a_directory_come_and_go_and_a_watched_ring_can_be_removed() {
    let dir = directory();
    fs::write(dir.path().join("no-ring"), "RINGWAY but not quite").unwrap();
    let mut watch = Watched::new(dir.path());
    for name in ["one", "two"] {
        let ring = Ring::at(dir.path(), name);
        ring.run("pub", &[]).end().with(0);
        let path = ring.path.to_str().unwrap();
        watch.until("the ring came", |line| line["ring"] == path && line["state"] == "closed");
        // It is in use while it is looked at, and no longer.
        until("the ring to be removed", || ring.run("rm", &[]).end().status.success().then_some(()));
    }
    watch.run.signal(Signal::SIGTERM);
    watch.run.end().with(143);
}

#[test]
fn lines_for_people_end_after_so_many_looks_and_fail_if_there_was_no_ring() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let count = ["--interval", "10ms", "--count", "2"];
    ring.run("watch", &count).end().with(1).saying(&["no such file or directory: check the path"]);
    let empty = Ring::at(dir.path(), "");
    empty.run("watch", &count).end().with(1).saying(&["no ring was found"]);
    let mut publish = ring.run("pub", &[]);
    publish.feed_all(b"a\nb\n".to_vec());
    publish.end().with(0);
    let ended = ring.run("watch", &count).end().with(0);
    let text = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[1].contains("ring: closed, epoch 1, head 2, 0/s, full 0, wakes "), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

/// What a terminal was sent.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn has(&self, bytes: &[u8]) -> bool {
        self.0.lock().unwrap().windows(bytes.len()).any(|window| window == bytes)
    }
}

#[test]
fn a_terminal_is_as_it_was_whatever_ends_the_view() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "orders");
    ring.run("pub", &[]).end().with(0);
    for (keys, signal, code) in
        [(&b"jjp?xq"[..], None, 0), (b"\x03", None, 130), (b"", Some(Signal::SIGTERM), 143)]
    {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a pseudo-terminal");
        let before = tcgetattr(&pty.slave).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        command.arg("watch").arg(&ring.path);
        let end = || pty.slave.try_clone().unwrap();
        let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("ringway starts");
        // The command keeps ends of its own.
        drop(command);
        let mut terminal = File::from(pty.master);
        let (screen, mut from) = (Screen::default(), terminal.try_clone().unwrap());
        let shown = screen.clone();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = from.read(&mut bytes) {
                shown.0.lock().unwrap().extend(&bytes[..n]);
            }
        });
        until("the ring to be drawn", || screen.has(b"closed").then_some(()));
        assert_ne!(tcgetattr(&pty.slave).unwrap(), before, "keys come one by one");
        terminal.write_all(keys).unwrap();
        if let Some(signal) = signal {
            kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        }
        let status = until("the view to end", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(code), "{keys:?}");
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before, "{keys:?}");
        drop(pty.slave);
        reader.join().unwrap();
        for sequence in [&b"\x1b[?1049l"[..], b"\x1b[?25h"] {
            assert!(screen.has(sequence), "{keys:?}: the screen before, and the cursor, are shown again");
        }
    }
}
