//! Reliable or not is the reader's choice: a consumer and an observer on the same ring.
//!
//! The consumer holds the producer back and loses nothing. The observer only reads; when the producer
//! overtakes it, it is told exactly how many messages it lost. `cargo run --example observer_beside_a_consumer`

use ringway::{Config, Outcome, Resume, Ring, Start, anon};

const SLOTS: u64 = 64;
const MESSAGES: u64 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new().slots(SLOTS))?;
    let mut consumer = ring.consumer(Start::Latest)?;
    let mut observer = ring.observer(Start::Latest, Resume::OldestSafe)?;
    let mut producer = ring.producer()?;

    let (mut consumed, mut observed, mut reports) = (0, 0, 0);
    for number in 0..MESSAGES {
        producer.try_publish(&number.to_ne_bytes())?;

        // The consumer keeps up: were it to lag by 64 messages, `try_publish` would say `Full`.
        let message = consumer.try_recv()?.into_message().ok_or("a message was just published")?;
        assert_eq!((message.seq(), &message[..]), (number, &number.to_ne_bytes()[..]));
        consumed += 1;

        // The observer looks at the ring at every hundredth message only.
        if number % 100 == 0 {
            match observer.try_recv()? {
                Outcome::Message(message) => {
                    assert_eq!(message[..], message.seq().to_ne_bytes());
                    observed += 1;
                }
                Outcome::Lagged(_) => reports += 1,
                other => panic!("expected a message or a loss, got {other:?}"),
            }
        }
    }
    producer.close()?;

    // At the end it reads what the ring still keeps.
    loop {
        match observer.try_recv()? {
            Outcome::Message(_) => observed += 1,
            Outcome::Lagged(_) => reports += 1,
            Outcome::Closed => break,
            other => panic!("expected the end of the ring, got {other:?}"),
        }
    }
    println!("published {MESSAGES}, consumed {consumed}");
    println!("observed {observed}, lost {} in {reports} overruns", observer.lost());
    assert_eq!(consumed, MESSAGES);
    assert_eq!(observer.received(), observed);
    assert_eq!(observer.received() + observer.lost(), observer.head()? - observer.start());
    println!("checked: the consumer lost nothing, and the observer counted each message that it lost");
    Ok(())
}
