//! Names of roles: given on the command line, shown, and escaped where they are hostile.

use ringway::file::OpenOptions;
use ringway::{Config, Ring as _, Start};
use testkit::header::Forger;

use crate::common::{Ring, Run, directory, until};
use crate::{RINGWAY, json};

/// The words of uid, name length and name, from the first of them, in a cell and in the producer page.
const CELL: [u64; 3] = [64, 72, 80];
const PAGE: [u64; 3] = [192, 200, 208];

#[test]
fn names_given_on_the_command_line_are_shown_for_each_role() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let publisher = ring.run("pub", &["--name", "quotes", "--wait-for", "2"]);
    let subscriber = ring.run("sub", &["--name", "recorder"]);
    until("a consumer attached", || ring.info()?["consumers"].get(0).cloned());
    let observer = ring.run("sub", &["--observe", "--name", "dash\tboard"]);
    let info = until("an observer that shows itself", || {
        ring.info().filter(|info| info["stats"]["observers"].get(0).is_some())
    });
    let uid = nix::unistd::geteuid().as_raw();
    assert_eq!((&info["producer"]["name"], &info["producer"]["uid"]), (&"quotes".into(), &uid.into()));
    assert_eq!(info["consumers"][0]["who"]["name"], "recorder");
    assert_eq!(info["consumers"].as_array().unwrap().len(), 1, "the observer is none of them");
    assert_eq!(info["stats"]["observers"][0]["name"], "dash\tboard");
    assert_eq!(info["stats"]["observers"][0]["pid"], observer.pid().as_raw());

    let path = ring.path.to_str().unwrap();
    let text = |args: &[&str]| String::from_utf8(Run::of(RINGWAY, args).end().with(0).stdout).unwrap();
    let said = text(&["info", "--interval", "0s", path]);
    for named in
        [r#"producer alive, "quotes" pid "#, r#""recorder" pid "#, r#"observers  "dash\tboard", pid "#]
    {
        assert!(said.contains(named), "{named}: {said}");
    }
    let said = text(&["watch", "--plain", "--count", "1", path]);
    assert!(said.contains(&format!(r#"; cell 0 pid {} "recorder" lag"#, subscriber.pid())), "{said}");
    let watched = json("watch", &ring.path, &["--count", "1"]);
    assert_eq!(
        (&watched["producer_name"], &watched["consumers"][0]["name"]),
        (&"quotes".into(), &"recorder".into())
    );
    assert!(text(&["dump", path]).contains(r#"  "recorder""#));

    let second = ring.run("sub", &[]);
    for run in [publisher, subscriber, observer, second] {
        run.end().with(0);
    }
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_done() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for name in ["", "a name that is longer than 32 bytes"] {
        for command in ["pub", "sub"] {
            ring.run(command, &["--name", name]).end().with(2).saying(&["--name", "1 to 32 bytes"]);
        }
    }
    assert!(!ring.path.exists());
}

#[test]
fn a_hostile_name_reaches_no_terminal() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = OpenOptions::new().create(&ring.path, &Config::new().slots(8)).unwrap();
    let _producer = made.producer().unwrap();
    let _consumer = made.consumer(Start::Oldest).unwrap();
    let forger = Forger::new(&ring.path, &made);
    let path = ring.path.to_str().unwrap();
    // Words that are no name, a control sequence, and what isn't UTF-8.
    let names: [(u64, [u8; 8], bool); 5] = [
        (33, *b"abcdefgh", false),
        (u64::MAX, *b"abcdefgh", false),
        (8, *b"\x1b]0;own\x07", true),
        (8, *b"\xff\xfe\x80\x81abcd", false),
        (8, *b"a\" pid 1", true),
    ];
    for (len, bytes, is_name) in names {
        for (at, value) in [len, len, u64::from_ne_bytes(bytes)].into_iter().enumerate() {
            forger.page(PAGE[at], value);
            forger.cell(0, CELL[at], value);
        }
        for args in [
            &["info", "--interval", "0s", path][..],
            &["info", "--interval", "0s", "--json", path],
            &["info", "--prometheus", path],
            &["watch", "--plain", "--count", "1", path],
            &["watch", "--json", "--count", "1", path],
            &["dump", path],
            &["dump", "--json", path],
        ] {
            let text = String::from_utf8(Run::of(RINGWAY, args).end().with(0).stdout).unwrap();
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{args:?}: {text:?}");
            assert!(!text.contains("\"a\" pid 1"), "{args:?}: {text:?}");
        }
        let info = json("info", &ring.path, &["--interval", "0s"]);
        let named = [&info["producer"]["name"], &info["consumers"][0]["who"]["name"]];
        assert!(named.iter().all(|name| name.is_string() == is_name), "{named:?}");
    }
}
