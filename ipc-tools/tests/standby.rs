//! `ringway pub --standby`: the producer that comes next.

mod common;

use common::{Ring, directory, read_exactly, until};
use nix::sys::signal::Signal;

#[test]
fn a_standby_goes_on_when_the_producer_is_killed() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut first = ring.run("pub", &[]);
    first.feed(b"one\n");
    ring.until_head(1);
    let mut sub = ring.run("sub", &["--follow", "--from", "oldest"]);
    let (line, stdout) = read_exactly(sub.stdout(), 4);
    assert_eq!(line, b"one\n");
    let mut standby = ring.run("pub", &["--standby"]);
    standby.feed(b"two\n");
    first.signal(Signal::SIGKILL);
    let (line, _stdout) = read_exactly(stdout, 4);
    assert_eq!(line, b"two\n");
    // Whether it had to wait is a matter of who was first.
    let ended = standby.end().with(0).saying(&["published 1 message"]);
    let said = |text| ended.stderr.matches(text).count();
    assert_eq!(said("standing by"), said("took over as the producer, epoch 2"), "{}", ended.stderr);
    assert_eq!(ring.info().unwrap()["epoch"], 2);
}

#[test]
fn a_signal_ends_a_standby() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut first = ring.run("pub", &[]);
    first.feed(b"one\n");
    ring.until_head(1);
    let standby = ring.run("pub", &["--standby"]);
    let link = format!("/proc/{}/fd", standby.pid());
    let watches = |entry: std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == "anon_inode:inotify")
    };
    until("the standby to wait", || std::fs::read_dir(&link).ok()?.flatten().any(watches).then_some(()));
    standby.signal(Signal::SIGTERM);
    standby.end().with(143).saying(&["standing by"]);
    first.end().with(0);
}
