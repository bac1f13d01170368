//! Any bytes as a frame. They are refused, or they are a whole frame that encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringway_gateway_protocol::ack::Ack;
use ringway_gateway_protocol::frame::{Builder, Expected, Frame, HEADER};

fuzz_target!(|bytes: &[u8]| {
    // Most frames are of the right ring, so that the fuzzer needn't find its id.
    let ring_id = bytes.get(16..32).and_then(|id| id.try_into().ok()).unwrap_or([7; 16]);
    for (payload_capacity, fixed_length) in [(48, false), (48, true), (0, false), (u64::from(u32::MAX), false)] {
        let expected = Expected { ring_id, payload_capacity, fixed_length };
        let Ok(frame) = Frame::check(bytes, &expected) else { continue };
        let header = *frame.header();
        let mut builder = Builder::new(ring_id);
        let mut seq = header.start;
        for record in frame.records() {
            assert_eq!(record.seq, seq);
            assert!(record.bytes.len() as u64 <= payload_capacity);
            builder.push(record.bytes, record.tag);
            seq += 1;
        }
        assert_eq!(seq, header.end());
        let again =
            builder.finish(header.condition, header.epoch, header.epoch_first, header.from, header.start);
        assert_eq!(again[HEADER..], bytes[HEADER..]);
        assert_eq!(Frame::check(&again, &expected).map(|frame| *frame.header()), Ok(header));
        let other = Expected { ring_id: ring_id.map(|byte| !byte), ..expected };
        assert!(Frame::check(bytes, &other).is_err());
    }
    if let Some(ack) = Ack::read(bytes) {
        assert_eq!(Ack::read(&ack.bytes()), Some(ack));
    }
});
