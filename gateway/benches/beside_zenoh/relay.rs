//! A forwarder without a protocol. It acks, repairs, counts and bounds nothing.

use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, anyhow};
use ringway::{Outcome, Ring, Start, file};
use ringway_gateway::session::{self, Link};
use zenoh::Wait;
use zenoh::qos::CongestionControl;

use crate::PATIENCE;
use crate::roles::{KEY, Load, wait_for_subscriber};

/// Puts what it consumes.
pub fn out(load: &Load, endpoint: &str, ring: &str) -> Result<()> {
    let session = session::open(&Link { connect: vec![endpoint.into()], ..Link::default() })?;
    let publisher = session
        .declare_publisher(KEY)
        .congestion_control(CongestionControl::Block)
        .express(load.rate > 0)
        .wait()
        .map_err(|error| anyhow!("{error}"))?;
    wait_for_subscriber(&publisher)?;
    let mut consumer = file::open(ring)?.consumer(Start::Oldest)?;
    println!("ready");
    loop {
        match consumer.recv_timeout(PATIENCE * 6)? {
            Outcome::Message(message) => {
                publisher.put(message.to_vec()).wait().map_err(|error| anyhow!("{error}"))?;
            }
            Outcome::TimedOut | Outcome::Closed => return Ok(()),
            _ => {}
        }
    }
}

/// Publishes what it gets.
pub fn into(load: &Load, endpoint: &str, ring: &str) -> Result<()> {
    let session = session::open(&Link { listen: vec![endpoint.into()], ..Link::default() })?;
    let producer = Mutex::new(file::create(ring, &crate::shape(load))?.producer()?);
    let _subscriber = session
        .declare_subscriber(KEY)
        .callback(move |sample| {
            let mut producer = producer.lock().unwrap_or_else(PoisonError::into_inner);
            // The consumer lacks the last message then, and says so.
            let _ = producer.publish(&sample.payload().to_bytes());
        })
        .wait()
        .map_err(|error| anyhow!("{error}"))?;
    println!("ready");
    thread::sleep(PATIENCE * 6);
    Ok(())
}
