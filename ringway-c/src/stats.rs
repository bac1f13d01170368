//! What a ring is like, and how it stands.
//!
//! # Safety
//! Pointers are checked as `options` and `handle` say.
#![allow(unsafe_code)]

use std::ffi::c_char;

use ringway::{State, Stride};

use crate::codes::*;
use crate::handle;
use crate::options::{Sized64, write};
use crate::ring::{Ring, RingHandle};

/// What a ring is like.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RingInfo {
    /// `sizeof(ringway_info)`, set before the call.
    pub struct_size: u64,
    /// Number of slots.
    pub slots: u64,
    /// Longest message, in bytes.
    pub payload_capacity: u64,
    /// Most consumers at once.
    pub max_consumers: u64,
    /// Alignment of the ring's sections, in bytes.
    pub section_align: u64,
    /// Bytes that the ring takes.
    pub total_length: u64,
    /// From one slot to the next, in bytes.
    pub slot_stride: u64,
    /// One of `RINGWAY_STRIDE_…`.
    pub stride: u32,
    /// Whether the ring records a message type.
    pub is_typed: u32,
    /// The ring's own id.
    pub ring_id: [u8; 16],
    /// `sizeof` the type, or 0.
    pub type_size: u64,
    /// `alignof` the type, or 0.
    pub type_align: u64,
    /// The type's name, ended by a zero byte.
    pub type_name: [c_char; 104],
}

// SAFETY: numbers, each at a multiple of its size, and bytes.
unsafe impl Sized64 for RingInfo {
    const NAME: &'static str = "ringway_info";
    const FIRST: u64 = 200;
}

const _: () = assert!(size_of::<RingInfo>() == 200 && size_of::<RingStats>() == 88);

/// Tells what a ring is like.
///
/// # Safety
/// `ring` is NULL or a handle; `out` is as long as it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_ring_info(ring: *const RingHandle, out: *mut RingInfo) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        let geometry = ring.geometry();
        let mut info = RingInfo {
            struct_size: 0,
            slots: geometry.slots(),
            payload_capacity: geometry.payload_capacity(),
            max_consumers: geometry.max_consumers(),
            section_align: geometry.section_align(),
            total_length: geometry.total_length(),
            slot_stride: geometry.stride(),
            stride: match geometry.stride_kind() {
                Stride::Packed => RINGWAY_STRIDE_PACKED,
                Stride::Line => RINGWAY_STRIDE_LINE,
                Stride::Split => RINGWAY_STRIDE_SPLIT,
                _ => RINGWAY_STRIDE_ALIGNED,
            },
            is_typed: 0,
            ring_id: geometry.ring_id(),
            type_size: 0,
            type_align: 0,
            type_name: [0; 104],
        };
        if let Some(kind) = geometry.type_info() {
            (info.is_typed, info.type_size, info.type_align) = (1, kind.size(), kind.align());
            // The last byte stays 0.
            for (to, from) in info.type_name[..103].iter_mut().zip(kind.name().bytes()) {
                *to = from as c_char;
            }
        }
        write(&info, out)?;
        Ok(0)
    })
}

/// How a ring stands. Each value was true while it was read; all may be out of date at once.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RingStats {
    /// `sizeof(ringway_stats)`, set before the call.
    pub struct_size: u64,
    /// Number of messages published: the sequence of the next.
    pub head: u64,
    /// Number of the producer's incarnation; 0 before the first.
    pub epoch: u64,
    /// First sequence of that incarnation.
    pub first_seq: u64,
    /// Whether a process holds the producer's lock, as the kernel says.
    pub producer_alive: u32,
    /// Whether the producer closed the ring.
    pub is_closed: u32,
    /// What the last producer wrote as its PID.
    pub producer_pid: u64,
    /// How often a producer found the ring full.
    pub times_full: u64,
    /// Consumers that are attached, and alive as the kernel says.
    pub consumers: u64,
    /// The largest number of messages that one of them has still to release.
    pub largest_lag: u64,
    /// How many messages can be published until the ring is full.
    pub room: u64,
    /// Most consumers at once.
    pub max_consumers: u64,
}

// SAFETY: numbers, each at a multiple of its size.
unsafe impl Sized64 for RingStats {
    const NAME: &'static str = "ringway_stats";
    const FIRST: u64 = 88;
}

/// Tells how a ring stands. It maps the ring for the time of the call, as an observer does, and stores nothing in it.
///
/// # Safety
/// `ring` is NULL or a handle; `out` is as long as it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_ring_stats(ring: *const RingHandle, out: *mut RingStats) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        let stats = ring.as_ring().stats()?;
        let found = RingStats {
            struct_size: 0,
            head: stats.head,
            epoch: stats.epoch,
            first_seq: stats.first_seq,
            producer_alive: stats.producer_alive.into(),
            is_closed: (stats.state == State::Closed).into(),
            producer_pid: stats.producer_pid,
            times_full: stats.times_full,
            consumers: stats.consumers.len() as u64,
            largest_lag: stats.consumers.iter().map(|consumer| consumer.lag).max().unwrap_or(0),
            room: stats.room(),
            max_consumers: stats.max_consumers,
        };
        write(&found, out)?;
        Ok(0)
    })
}
