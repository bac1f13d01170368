//! A ring's creation, and one producer after another.

use super::{both, observer, producer, publish};
use ipc_core::region::{ModelHeader, ModelRing};
use ipc_core::{Config, Geometry, GeometryError, Observer, Outcome, Placement, Start};

fn geometry() -> Geometry {
    Config::new().geometry(4096, Placement::Embedded, [3; 16], [4; 16]).unwrap()
}

/// Who sees the magic number sees a whole header. (`F1`/`F2`)
pub fn format() {
    let header = ModelHeader::default();
    let (creating, reading) = (header.clone(), header.clone());
    let creator = move || ipc_core::format(&creating.writable(), &geometry());
    let reader = move || match ipc_core::snapshot(&reading.readable()).decode(4096) {
        Ok(found) => assert_eq!(found, geometry()),
        Err(error) => assert_eq!(error, GeometryError::NotARing { found: 0 }),
    };
    both(creator, reader);
    assert_eq!(ipc_core::snapshot(&header.readable()).decode(4096), Ok(geometry()));
}

/// Who sees a new epoch sees its first sequence. (`E1`/`E2`)
pub fn epoch() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    let mut watcher = observer(&ring, Start::Latest);
    publish(&mut tx);
    drop(tx);
    let successor = move || {
        let mut tx = producer(&ring);
        publish(&mut tx);
    };
    let reader = move || {
        let changes = step(&mut watcher) + step(&mut watcher);
        (watcher, changes)
    };
    let ((), (mut watcher, mut changes)) = both(successor, reader);
    for _ in 0..4 {
        changes += step(&mut watcher);
    }
    assert_eq!((changes, watcher.received(), watcher.lost()), (1, 2, 0));
}

/// Looks once; counts changes of the epoch.
fn step(watcher: &mut Observer) -> u32 {
    match watcher.try_recv().unwrap() {
        Outcome::EpochChanged { epoch, first_seq } => {
            assert_eq!((epoch, first_seq), (2, 1));
            1
        }
        Outcome::Message(_) | Outcome::Empty => 0,
        other => panic!("{other:?}"),
    }
}
