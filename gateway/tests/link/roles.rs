//! What this program does in other processes.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ringway::{PublishError, Ring, file};

use crate::message;

const VARIABLE: &str = "RINGWAY_LINK_ROLE";

/// How a producer ends, and what it asks of its ring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Produce {
    /// The sequence before which it ends.
    pub until: u64,
    /// Whether it closes the ring then. It stays, if not.
    pub close: bool,
    /// Whether it publishes only while there is a reader.
    pub require_readers: bool,
}

/// A producer in a process of its own, which ends with this one.
pub struct Producer(Child);

impl Producer {
    /// Starts one.
    pub fn start(ring: &Path, how: Produce) -> Self {
        let Produce { until, close, require_readers } = how;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "roles::another_process_of_the_tests", "--nocapture"])
            .env(VARIABLE, format!("{until} {close} {require_readers} {}", ring.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until it has ended well.
    pub fn wait(mut self) {
        // Without its standard input it would end at once.
        let input = self.0.stdin.take();
        assert!(self.0.wait().unwrap().success());
        drop(input);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_process_of_the_tests() {
    let Ok(role) = std::env::var(VARIABLE) else { return };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    let words: Vec<&str> = role.splitn(4, ' ').collect();
    let [until, close, require_readers, path] = words[..] else { panic!("{role}") };
    let how = Produce {
        until: until.parse().unwrap(),
        close: close.parse().unwrap(),
        require_readers: require_readers.parse().unwrap(),
    };
    produce(Path::new(path), how);
}

fn produce(path: &Path, how: Produce) {
    let ring = file::open(path).unwrap();
    let capacity = ring.geometry().payload_capacity() as usize;
    let mut producer = ring.producer().unwrap();
    producer.require_readers(how.require_readers);
    let mut bytes = Vec::new();
    while producer.next_seq() < how.until {
        let seq = producer.next_seq();
        message::write(seq, capacity, &mut bytes);
        match producer.publish_tagged(&bytes, message::tag(seq)) {
            Ok(published) => assert_eq!(published, seq),
            Err(PublishError::NoReaders) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("publishing {seq}: {error}"),
        }
    }
    if how.close {
        producer.close().unwrap();
    } else {
        std::thread::sleep(Duration::MAX);
    }
}
