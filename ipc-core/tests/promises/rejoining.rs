//! A best-effort reader that was passed over, from that to its next message, beside the producer that did it.

use ringway_core::{Outcome, Patience, Producer, PublishError};

use crate::best_effort::{SLOTS, balanced, pair, publish, rings};

#[test]
fn a_reader_that_was_passed_over_holds_the_producer_back_as_soon_as_it_knows() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        producer.set_patience(Patience::Lap);
        publish(&mut producer, SLOTS + 1);
        let passed_over = |producer: &mut Producer| {
            let [reader] = producer.passed_over().unwrap() else { panic!("one reader") };
            (reader.times, reader.lost, reader.is_ignored)
        };
        assert_eq!(passed_over(&mut producer), (1, 0, true));

        // It joins again half a lap back.
        let resume = SLOTS + 1 - SLOTS / 2;
        assert!(matches!(reader.try_recv(), Ok(Outcome::Lagged(lost)) if lost == resume));
        assert_eq!((reader.next_seq(), reader.lost()), (resume, resume));
        balanced(&reader);

        // When the producer looks next, the reader is more than half a lap back, and has read nothing.
        producer.set_patience(Patience::Endless);
        publish(&mut producer, SLOTS / 2);
        assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))));
        assert_eq!(producer.next_seq(), resume + SLOTS);
        assert_eq!(passed_over(&mut producer), (1, resume, false));

        // Nothing more is lost, and each message that is read makes room for one.
        for seq in resume..resume + 2 * SLOTS {
            let expected = seq.to_ne_bytes();
            assert!(matches!(reader.try_recv(), Ok(Outcome::Message(message)) if *message == expected));
            publish(&mut producer, 1);
            assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))));
        }
        assert_eq!((reader.lost(), producer.times_passed_over()), (resume, Ok(1)));
    }
}
