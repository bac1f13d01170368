//! A typed message, written where it lies in shared memory and read there: nothing is copied.
//!
//! The ring records the type's name, size and alignment, and refuses any other. An anonymous ring trusts its
//! peers; a ring in a file copies, unless its user vouches for all writers of the file (`trust_peers`).
//! `cargo run --example claim_in_place`

use ringway::{AttachError, Config, Message, Outcome, Ring, Start, anon};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A frame of 64 by 64 pixels.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Frame {
    taken_at: u64,
    pixels: [[u16; 64]; 64],
}

impl Message for Frame {
    const NAME: &'static str = "example.Frame.v1";
}

/// Another type of the same size.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Sound([u64; 1025]);

impl Message for Sound {
    const NAME: &'static str = "example.Sound.v1";
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new().slots(8).of_type::<Frame>())?;
    let mut producer = ring.typed_producer::<Frame>()?;
    let mut consumer = ring.typed_consumer::<Frame>(Start::Latest)?;

    for n in 0..3_u16 {
        let mut frame = producer.claim()?;
        frame.taken_at = u64::from(n) * 1000;
        for (y, row) in (0..).zip(&mut frame.pixels) {
            row.fill(n * 64 + y);
        }
        frame.commit_tagged(u32::from(n))?;
    }

    // A claim that is dropped publishes nothing; the next message gets its sequence.
    assert_eq!(producer.claim()?.seq(), 3);
    assert_eq!(producer.claim()?.seq(), 3);

    for n in 0..3_u16 {
        // The guard borrows the frame from the ring; dropping it gives the slot back.
        let Outcome::Message(frame) = consumer.try_recv()? else { panic!("three frames were published") };
        let brightest = frame.pixels.iter().flatten().max().ok_or("a frame has pixels")?;
        println!("frame {} taken at {}: brightest pixel {brightest}", frame.seq(), frame.taken_at);
        assert_eq!((frame.tag(), frame.taken_at), (u32::from(n), u64::from(n) * 1000));
        assert_eq!(*brightest, n * 64 + 63);
    }
    assert!(matches!(consumer.try_recv()?, Outcome::Empty));

    match ring.typed_consumer::<Sound>(Start::Latest) {
        Err(AttachError::Type(mismatch)) => println!("{mismatch}"),
        other => panic!("a ring of frames carries no sound, but got {other:?}"),
    }
    println!(
        "checked: three frames written and read in place, a dropped claim published nothing, another type was refused"
    );
    Ok(())
}
