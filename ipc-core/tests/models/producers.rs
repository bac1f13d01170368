//! A ring's creation, and one producer after another.

use ipc_core::region::ModelHeader;
use ipc_core::region::ModelRing;
use ipc_core::{Config, Geometry, GeometryError, Outcome, Placement, Start};
use loom::thread;

use super::{observer, producer, publish};

fn geometry() -> Geometry {
    Config::new().geometry(4096, Placement::Embedded, [3; 16], [4; 16]).unwrap()
}

/// Who sees the magic number sees a whole header. (`F1`/`F2`)
pub fn format() {
    let header = ModelHeader::default();
    let creating = header.clone();
    let creator = thread::spawn(move || ipc_core::format(&creating.writable(), &geometry()));
    match ipc_core::snapshot(&header.readable()).decode(4096) {
        Ok(found) => assert_eq!(found, geometry()),
        Err(error) => assert_eq!(error, GeometryError::NotARing { found: 0 }),
    }
    creator.join().unwrap();
    assert_eq!(ipc_core::snapshot(&header.readable()).decode(4096), Ok(geometry()));
}

/// Who sees a new epoch sees its first sequence. (`E1`/`E2`)
pub fn epoch() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    let mut watcher = observer(&ring, Start::Latest);
    publish(&mut tx);
    drop(tx);
    let succeeding = ring.clone();
    let successor = thread::spawn(move || {
        let mut tx = producer(&succeeding);
        publish(&mut tx);
    });
    let mut changes = 0;
    let mut step = |watcher: &mut ipc_core::Observer| match watcher.try_recv().unwrap() {
        Outcome::EpochChanged { epoch, first_seq } => {
            assert_eq!((epoch, first_seq), (2, 1));
            changes += 1;
        }
        Outcome::Message(_) | Outcome::Empty => {}
        other => panic!("{other:?}"),
    };
    step(&mut watcher);
    step(&mut watcher);
    successor.join().unwrap();
    for _ in 0..4 {
        step(&mut watcher);
    }
    assert_eq!((changes, watcher.received(), watcher.lost()), (1, 2, 0));
}
