//! The descriptions that sources and sinks give of themselves, as JSON.

use anyhow::{Result, bail, ensure};
use ringway::{Config, Geometry, Stride, TypeInfo};
use serde::{Deserialize, Serialize};

use crate::apply::Counts;
use crate::frame::{Condition, MAX_SEQ, RingId};
use crate::names::{from_hex, hex};
use crate::policy::Policy;

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;
/// The parameter of a question by a sink that is about to make a mirror.
pub const JOIN: &str = "join";
/// Longest description that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// Longest message that is mirrored. A frame has at least one message, and is kept in memory.
pub const MAX_PAYLOAD: u64 = 64 << 20;

/// A ring, as its source describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// The version of the protocol.
    pub protocol: u32,
    /// The name under which the ring is mirrored.
    pub name: String,
    /// Its id, in hexadecimal.
    pub ring_id: String,
    /// Its shape.
    pub shape: Shape,
    /// How it is mirrored.
    pub policy: Policy,
    /// Most messages beyond the slowest ack.
    pub window: u64,
    /// Where a new mirror begins.
    pub start: u64,
    /// The sequence of its next message.
    pub head: u64,
    /// Epoch of its producer.
    pub epoch: u64,
    /// The state of the producer.
    pub condition: Condition,
    /// The first message that the source holds; `None` if it holds none.
    pub held: Option<u64>,
    /// Whether the source can be killed and started again without a loss: see the guarantees.
    pub covered: bool,
    /// What wakes the source.
    #[serde(default)]
    pub wakes: Wakes,
    /// Its sinks.
    pub sinks: Vec<SinkMeta>,
    /// Ids of the sinks that an earlier source of the ring had and that weren't heard yet: nothing is released before.
    #[serde(default)]
    pub awaited: Vec<String>,
    /// What the source has counted.
    pub sent: Sent,
}

/// What wakes a source for a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wakes {
    /// Nothing: it looks once a millisecond. A source that holds nothing back does, and so does one of a keeper for which
    /// the ring has no second cell.
    #[default]
    Polling,
    /// A consumer of its own process, so that the message itself wakes it.
    Consumer,
}

/// A sink, as its source knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SinkMeta {
    /// Id of the mirror.
    pub id: String,
    /// The mirror's next sequence.
    pub next: u64,
    /// Messages behind the source's head.
    pub lag: u64,
    /// Messages that it skipped since it started.
    pub skipped: u64,
    /// Milliseconds since it was heard.
    pub silent_ms: u64,
}

/// What a source has counted since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Frames pushed.
    pub frames: u64,
    /// Messages in them.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that the ring overwrote before they were pushed.
    pub lost: u64,
    /// Messages that the ring's own producer skipped.
    pub skipped: u64,
    /// Questions answered.
    pub repairs: u64,
    /// Messages in the answers.
    pub repaired: u64,
    /// Acks and questions that were refused.
    pub refused: u64,
    /// The same, by reason.
    #[serde(default)]
    pub refusals: Refused,
}

/// Acks and questions refused, by what was wrong with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Refused {
    /// Bytes that aren't an ack, and acks without the id of a mirror.
    pub bytes: u64,
    /// Acks of another ring.
    pub ring: u64,
    /// Acks of messages that weren't published.
    pub sequences: u64,
    /// Acks of sinks beyond the most that a source keeps account of.
    pub sinks: u64,
    /// Questions without a range, of another ring, of messages that weren't published, or with an attachment.
    pub questions: u64,
}

impl Refused {
    /// The counts, with the name of each reason.
    pub fn reasons(&self) -> [(&'static str, u64); 5] {
        let Self { bytes, ring, sequences, sinks, questions } = *self;
        [
            ("bytes", bytes),
            ("ring", ring),
            ("sequences", sequences),
            ("sinks", sinks),
            ("questions", questions),
        ]
    }
}

/// A sink, as it describes itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MirrorMeta {
    /// The name under which the ring is mirrored.
    pub name: String,
    /// Path of the mirror.
    pub path: String,
    /// The mirror's id, in hexadecimal; `None` while there is none.
    pub mirror: Option<String>,
    /// The source's ring, in hexadecimal.
    pub source: Option<String>,
    /// How the ring is mirrored.
    pub policy: Option<Policy>,
    /// The mirror's next sequence.
    pub head: u64,
    /// The sequence after the last message that the source has sent.
    pub sent: u64,
    /// Milliseconds since the source was heard; `None` before.
    pub silent_ms: Option<u64>,
    /// Milliseconds of silence after which the link counts as lost.
    pub link_lost_ms: u64,
    /// Bytes of frames that are kept for later.
    pub parked_bytes: usize,
    /// What it has counted since it started.
    pub counts: Counts,
    /// What is wrong, if anything is.
    pub trouble: Option<String>,
}

/// The part of a ring's geometry that its mirror shares.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shape {
    /// Number of slots.
    pub slots: u64,
    /// Longest message, in bytes.
    pub payload_capacity: u64,
    /// How slots lie: `aligned`, `packed`, `line` or `split`.
    pub stride: String,
    /// Most consumers at once.
    pub max_consumers: u64,
    /// Alignment of the sections, in bytes.
    pub section_align: u64,
    /// The message type, if one is recorded.
    pub message_type: Option<TypeShape>,
}

/// A message type, as a ring records it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TypeShape {
    /// Its name.
    pub name: String,
    /// Bytes of a value.
    pub size: u64,
    /// Alignment of a value.
    pub align: u64,
}

const STRIDES: [(&str, Stride); 4] = [
    ("aligned", Stride::Aligned),
    ("packed", Stride::Packed),
    ("line", Stride::Line),
    ("split", Stride::Split),
];

impl Shape {
    /// The shape of a ring.
    ///
    /// # Errors
    /// If its messages are too long to be mirrored, or its stride is unknown.
    pub fn of(geometry: &Geometry) -> Result<Self> {
        let payload_capacity = geometry.payload_capacity();
        ensure!(
            payload_capacity <= MAX_PAYLOAD,
            "payload capacity of {payload_capacity} bytes: expected at most {MAX_PAYLOAD} of a ring that is mirrored; \
             send large messages in parts"
        );
        let Some((stride, _)) = STRIDES.iter().find(|(_, kind)| *kind == geometry.stride_kind()) else {
            bail!("the ring has a stride that this gateway doesn't know: use a newer gateway");
        };
        let of_type =
            |info: &TypeInfo| TypeShape { name: info.name().into(), size: info.size(), align: info.align() };
        Ok(Self {
            slots: geometry.slots(),
            payload_capacity,
            stride: (*stride).into(),
            max_consumers: geometry.max_consumers(),
            section_align: geometry.section_align(),
            message_type: geometry.type_info().map(of_type),
        })
    }

    /// The configuration of a mirror of at most `max_bytes` whose first message is `first_seq`.
    ///
    /// # Errors
    /// If no ring has this shape, or the mirror would be larger.
    pub fn config(&self, first_seq: u64, max_bytes: u64) -> Result<Config> {
        let Some((_, stride)) = STRIDES.iter().find(|(name, _)| *name == self.stride) else {
            bail!(
                "the source's ring has stride {:?}, which this gateway doesn't know: use a newer gateway",
                self.stride
            );
        };
        let mut config = Config::new()
            .slots(self.slots)
            .payload_capacity(self.payload_capacity)
            .stride(*stride)
            .max_consumers(self.max_consumers)
            .section_align(self.section_align)
            .first_seq(first_seq);
        if let Some(TypeShape { name, size, align }) = &self.message_type {
            ensure!(
                *size == self.payload_capacity,
                "the source's ring has a message type of another size than its messages: run the same release on both \
                 sides"
            );
            config = config.of_type_info(TypeInfo::new(name, *size, *align));
        }
        ensure!(
            self.payload_capacity <= MAX_PAYLOAD && first_seq < MAX_SEQ,
            "the source describes an impossible ring: run the same release on both sides"
        );
        match config.footprint(self.section_align) {
            Some(bytes) if bytes <= max_bytes => Ok(config),
            Some(bytes) => bail!(
                "the source's ring has {bytes} bytes, expected at most {max_bytes}: allow a larger mirror by \
                 --max-ring-bytes, if the source is trusted"
            ),
            None => bail!("the source describes an impossible ring: run the same release on both sides"),
        }
    }
}

impl Meta {
    /// Reads a description.
    ///
    /// # Errors
    /// If the bytes aren't a description of this version.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        ensure!(
            bytes.len() <= MAX_BYTES,
            "a description of {} bytes, expected at most {MAX_BYTES}",
            bytes.len()
        );
        let meta: Self = serde_json::from_slice(bytes)?;
        let Self { protocol, .. } = meta;
        ensure!(
            protocol == PROTOCOL,
            "protocol {protocol}, expected {PROTOCOL}: run the same release on both sides"
        );
        ensure!(meta.id().is_some(), "ring id {:?}, expected 32 hexadecimal digits", meta.ring_id);
        Ok(meta)
    }

    /// The ring's id.
    pub fn id(&self) -> Option<RingId> {
        from_hex(&self.ring_id)
    }

    /// Whether both describe the same export of the same ring.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        (&self.ring_id, &self.shape, self.policy) == (&other.ring_id, &other.shape, other.policy)
    }
}

/// A ring's id, as descriptions have it.
pub fn id_of(geometry: &Geometry) -> String {
    hex(&geometry.ring_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        let message_type = Some(TypeShape { name: "example.Quote.v1".into(), size: 16, align: 8 });
        Shape {
            slots: 64,
            payload_capacity: 16,
            stride: "packed".into(),
            max_consumers: 4,
            section_align: 4096,
            message_type,
        }
    }

    #[test]
    fn a_mirror_has_the_shape_of_its_source() {
        let directory = tempfile::tempdir().unwrap();
        let config = shape().config(1000, u64::MAX).unwrap();
        let mirror = ringway::file::create(directory.path().join("mirror"), &config).unwrap();
        use ringway::Ring;
        assert_eq!(Shape::of(mirror.geometry()).unwrap(), shape());
        assert_eq!(mirror.geometry().first_seq(), 1000);
    }

    #[test]
    fn a_source_cant_have_a_sink_make_any_ring() {
        for wrong in [
            Shape { slots: 1 << 40, ..shape() },
            Shape { slots: 63, ..shape() },
            Shape { payload_capacity: u64::MAX, message_type: None, ..shape() },
            Shape { stride: "zigzag".into(), ..shape() },
            Shape { max_consumers: u64::MAX, ..shape() },
            Shape { section_align: 0, ..shape() },
            Shape { section_align: 1 << 62, ..shape() },
            Shape { payload_capacity: 32, ..shape() },
        ] {
            assert!(wrong.config(0, 1 << 30).is_err(), "{wrong:?}");
        }
        assert!(shape().config(MAX_SEQ, 1 << 30).is_err());
    }

    #[test]
    fn garbage_is_no_description() {
        for bytes in [&b""[..], b"{}", b"[1]", b"\xff\xff", &[b'['; MAX_BYTES + 1]] {
            assert!(Meta::read(bytes).is_err());
        }
    }
}
