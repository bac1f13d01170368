//! A keeper, its gateway and an import, as processes over TCP.

use std::fs::read_to_string;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringway::{Config, Outcome, Ring, Start};

#[path = "link/port.rs"]
mod port;

/// Bounds every wait, so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(60);
const MESSAGES: u64 = 60_000;

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn gateway(arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway-gateway"));
    // A gateway ends when its keeper's end of this pipe closes, even if the keeper is killed.
    Process(command.args(arguments).stdin(Stdio::piped()).spawn().unwrap())
}

/// The process that the keeper has started, once there is one.
fn child_of(keeper: &Process, not: Option<&str>) -> String {
    let id = keeper.0.id();
    let children = format!("/proc/{id}/task/{id}/children");
    until(|| {
        let found = read_to_string(&children).unwrap().trim().to_string();
        (!found.is_empty() && Some(&found[..]) != not).then_some(found)
    })
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_killed_gateway_of_a_keeper_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (source, mirror) = (directory.path().join("source"), directory.path().join("mirror"));
    let ring = ringway::file::create(&source, &Config::new().slots(256)).unwrap();
    let endpoint = format!("tcp/127.0.0.1:{}", port::free_port());
    let keeper =
        gateway(&["export", text(&source), "--as", "desk/quotes", "--keeper", "--listen", &endpoint]);
    let _import = gateway(&["import", "desk/quotes", text(&mirror), "--connect", &endpoint]);

    // The producer requires no readers: without the keeper it would publish while the gateway is away.
    let mut producer = ring.producer().unwrap();
    until(|| (producer.consumer_count().unwrap() > 0).then_some(()));
    let mirrored = until(|| ringway::file::open(&mirror).ok());
    let mut reader = mirrored.consumer(Start::Oldest).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..MESSAGES {
                producer.publish_timeout(&n.to_ne_bytes(), PATIENCE).unwrap();
            }
            producer.close().unwrap();
        });
        let (mut next, mut killed) = (0_u64, None);
        loop {
            match reader.recv_timeout(PATIENCE).unwrap() {
                Outcome::Message(message) => {
                    assert_eq!((message.seq(), &message[..]), (next, &next.to_ne_bytes()[..]));
                    next += 1;
                }
                Outcome::Closed => break,
                Outcome::EpochChanged { .. } | Outcome::ProducerLost => continue,
                other => panic!("{other:?} at message {next}"),
            }
            if next % 10_000 == 5_000 {
                let child = child_of(&keeper, killed.as_deref());
                assert!(Command::new("kill").args(["-9", &child]).status().unwrap().success());
                killed = Some(child);
            }
        }
        assert_eq!(next, MESSAGES);
    });
}

#[test]
fn a_keeper_outlives_the_file_of_its_program_and_its_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let [program, source, mirror] = ["gateway", "source", "mirror"].map(|name| directory.path().join(name));
    let ring = ringway::file::create(&source, &Config::new().slots(64)).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_ringway-gateway"), &program).unwrap();
    let endpoint = format!("tcp/127.0.0.1:{}", port::free_port());
    let mut command = Command::new(&program);
    command.args(["export", text(&source), "--as", "desk/quotes", "--keeper", "--listen", &endpoint]);
    let mut keeper = Process(command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let is_held = |keeper: &Process| {
        let consumers = ring.stats().unwrap().consumers;
        consumers.iter().any(|consumer| consumer.pid == u64::from(keeper.0.id()))
    };
    until(|| is_held(&keeper).then_some(()));
    let first = child_of(&keeper, None);
    // An upgrade removes the file; what reads the log may end.
    std::fs::remove_file(&program).unwrap();
    drop(keeper.0.stderr.take());
    assert!(Command::new("kill").args(["-9", &first]).status().unwrap().success());
    let second = child_of(&keeper, Some(&first));
    assert_ne!(first, second);
    assert!(is_held(&keeper) && keeper.0.try_wait().unwrap().is_none());
    // Both sides carry messages, though nobody reads what they say.
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway-gateway"));
    command.args(["import", "desk/quotes", text(&mirror), "--connect", &endpoint]);
    let mut import = Process(command.stderr(Stdio::piped()).spawn().unwrap());
    drop(import.0.stderr.take());
    let mirrored = until(|| ringway::file::open(&mirror).ok());
    ring.producer().unwrap().publish(b"message").unwrap();
    until(|| (mirrored.stats().unwrap().head == 1).then_some(()));
    assert!(import.0.try_wait().unwrap().is_none());
}
