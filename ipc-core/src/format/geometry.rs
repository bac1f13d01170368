//! A ring's shape: asked for as a [`Config`], computed by one function, validated by the same one.

use crate::format::error::GeometryError;
use crate::format::first_seq::check_first_seq;
use crate::format::layout;
use crate::format::plan::Plan;
#[cfg(not(loom))]
use crate::format::stride::SlotParts;
use crate::format::stride::Stride;
use crate::format::type_info::TypeInfo;

/// Where a ring lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Placement {
    /// In a `MAP_SHARED|MAP_ANONYMOUS` region, inherited over `fork()`.
    Anonymous,
    /// In a file of its own, which is exactly as long as the ring.
    WholeFile,
    /// At an offset of a larger file.
    Embedded,
}

impl Placement {
    pub(crate) const fn code(self) -> u64 {
        match self {
            Placement::Anonymous => 0,
            Placement::WholeFile => 1,
            Placement::Embedded => 2,
        }
    }

    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Placement::Anonymous),
            1 => Some(Placement::WholeFile),
            2 => Some(Placement::Embedded),
            _ => None,
        }
    }
}

/// What a new ring should be like.
///
/// # Examples
/// ```
/// use ringway_core::{Config, Stride};
///
/// let config = Config::new().slots(1024).payload_capacity(48).stride(Stride::Aligned).max_consumers(4);
/// // 4 sections of a page each, then 1,024 slots of 64 bytes.
/// assert_eq!(config.footprint(4096), Some(4 * 4096 + 1024 * 64));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "a configuration makes no ring by itself: give it to `create`"]
pub struct Config {
    pub(crate) slots: u64,
    pub(crate) payload_capacity: u64,
    pub(crate) stride: Stride,
    pub(crate) max_consumers: u64,
    pub(crate) section_align: Option<u64>,
    pub(crate) type_info: Option<TypeInfo>,
    pub(crate) first_seq: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// 1,024 slots of 48-byte payloads (one cache line each), up to 16 consumers.
    pub const fn new() -> Self {
        Self {
            slots: 1024,
            payload_capacity: 48,
            stride: Stride::Aligned,
            max_consumers: 16,
            section_align: None,
            type_info: None,
            first_seq: None,
        }
    }

    /// The same with at least `slots` slots: the next power of two, and 2 at least. A number past the largest ring
    /// stays as it is, and is refused when the ring is made.
    ///
    /// # Examples
    /// ```
    /// use ringway::Config;
    ///
    /// assert_eq!(Config::at_least(100), Config::new().slots(128));
    /// ```
    pub const fn at_least(slots: u64) -> Self {
        let slots = match slots {
            0..2 => 2,
            2..=layout::MAX_SLOTS => slots.next_power_of_two(),
            _ => slots,
        };
        Self::new().slots(slots)
    }

    /// Number of slots: a power of two, at least 2. [`at_least`](Self::at_least) rounds up. A consumer that lags this
    /// many messages stops the producer; an observer that lags more loses messages.
    ///
    /// One slot makes no ring. Between two looks at the consumers the producer writes at most half a lap, so that a
    /// consumer that joins meanwhile finds the other half untouched. Half of one slot is none.
    pub const fn slots(mut self, slots: u64) -> Self {
        self.slots = slots;
        self
    }

    /// Longest message, in bytes. The length of each message, if the stride makes that [one](Stride::is_fixed_length).
    pub const fn payload_capacity(mut self, bytes: u64) -> Self {
        self.payload_capacity = bytes;
        self
    }

    /// How slots lie one after another.
    pub const fn stride(mut self, stride: Stride) -> Self {
        self.stride = stride;
        self
    }

    /// Most consumers at once, 1 to 1,024. Observers aren't counted. A place that nobody has used costs 128 bytes and
    /// no time.
    pub const fn max_consumers(mut self, max: u64) -> Self {
        self.max_consumers = max;
        self
    }

    /// Alignment of the ring's sections, in bytes: a power of two, at least the page size (the default).
    /// 2 MiB lets the kernel use huge pages.
    pub const fn section_align(mut self, bytes: u64) -> Self {
        self.section_align = Some(bytes);
        self
    }

    /// Records the message type `T` in the ring, and makes the payload capacity its size.
    pub fn of_type<T: crate::format::message_type::Message>(self) -> Self {
        self.of_type_info(TypeInfo::of::<T>())
    }

    /// Records a message type that this program knows by its description alone, and makes the
    /// payload capacity its size.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, TypeInfo};
    ///
    /// let config = Config::new().of_type_info(TypeInfo::new("example.Quote.v1", 16, 8));
    /// assert_eq!(config, Config::new().payload_capacity(16).of_type_info(TypeInfo::new("example.Quote.v1", 16, 8)));
    /// ```
    pub fn of_type_info(mut self, info: TypeInfo) -> Self {
        self.payload_capacity = info.size();
        self.type_info = Some(info);
        self
    }

    /// Bytes that the ring takes on a machine with this page size; `None` where the numbers overflow or
    /// name no valid ring.
    pub fn footprint(&self, page_size: u64) -> Option<u64> {
        self.plan(page_size).ok().map(|plan| plan.total_length)
    }

    fn plan(&self, page_size: u64) -> Result<Plan, GeometryError> {
        Plan::new(
            self.slots,
            self.payload_capacity,
            self.stride,
            self.max_consumers,
            self.section_align.unwrap_or(page_size),
            page_size,
        )
    }

    /// The geometry of a new ring.
    ///
    /// # Errors
    /// What the configuration asks for can't be: see [`GeometryError`].
    pub fn geometry(
        &self,
        page_size: u64,
        placement: Placement,
        ring_id: [u8; 16],
        boot_id: [u8; 16],
    ) -> Result<Geometry, GeometryError> {
        if let Some(info) = &self.type_info {
            info.fits(self.payload_capacity, self.stride)?;
        }
        if let Some(first) = self.first_seq {
            check_first_seq(first)?;
        }
        let plan = self.plan(page_size)?;
        Ok(Geometry {
            plan,
            slots: self.slots,
            payload_capacity: self.payload_capacity,
            stride_kind: self.stride,
            max_consumers: self.max_consumers,
            section_align: self.section_align.unwrap_or(page_size),
            placement,
            ring_id,
            boot_id,
            type_info: self.type_info.clone(),
            first_seq: self.first_seq,
        })
    }
}

/// A ring's shape, validated: what it says is safe to compute with.
///
/// It is a private copy. A peer that overwrites the shared one changes nothing here.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().slots(4).payload_capacity(24))?;
/// let geometry = ring.geometry();
/// assert_eq!((geometry.slots(), geometry.payload_capacity()), (4, 24));
/// assert!(geometry.stride() >= 24 && geometry.total_length() >= 4 * geometry.stride());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Geometry {
    pub(crate) plan: Plan,
    pub(crate) slots: u64,
    pub(crate) payload_capacity: u64,
    pub(crate) stride_kind: Stride,
    pub(crate) max_consumers: u64,
    pub(crate) section_align: u64,
    pub(crate) placement: Placement,
    pub(crate) ring_id: [u8; 16],
    pub(crate) boot_id: [u8; 16],
    pub(crate) type_info: Option<TypeInfo>,
    /// `None` if it is 0 and the producer can't skip.
    pub(crate) first_seq: Option<u64>,
}

/// One section of a ring: where it lies, in bytes from the ring's start.
///
/// Placements make such values, too, and take them apart. It is an offset and a length, and gets no more fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section {
    /// First byte.
    pub offset: u64,
    /// Length in bytes, a multiple of the section alignment.
    pub length: u64,
}

impl Geometry {
    /// Number of slots.
    pub fn slots(&self) -> u64 {
        self.slots
    }

    /// Longest message, in bytes. The length of each, if the stride makes that [one](Stride::is_fixed_length).
    pub fn payload_capacity(&self) -> u64 {
        self.payload_capacity
    }

    /// Bytes from one slot to the next.
    pub fn stride(&self) -> u64 {
        self.plan.stride
    }

    /// How slots lie one after another.
    pub fn stride_kind(&self) -> Stride {
        self.stride_kind
    }

    /// Where the parts of the slots lie.
    #[cfg(not(loom))]
    pub(crate) fn parts(&self) -> SlotParts {
        self.stride_kind.parts(self.plan.slots_offset, self.slots, self.plan.stride)
    }

    /// What a message's length is below that fits slots with headers: 0 if messages have one length, so that none does.
    pub(crate) fn headed_below(&self) -> usize {
        if self.stride_kind.is_fixed_length() { 0 } else { self.payload_capacity as usize + 1 }
    }

    /// Most consumers at once.
    pub fn max_consumers(&self) -> u64 {
        self.max_consumers
    }

    /// Alignment of the sections, in bytes.
    pub fn section_align(&self) -> u64 {
        self.section_align
    }

    /// Where the ring lies.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The random number that tells this ring from every other.
    pub fn ring_id(&self) -> [u8; 16] {
        self.ring_id
    }

    /// The boot of the machine on which the ring was made.
    pub fn boot_id(&self) -> [u8; 16] {
        self.boot_id
    }

    /// The message type recorded at creation, if any.
    pub fn type_info(&self) -> Option<&TypeInfo> {
        self.type_info.as_ref()
    }

    /// Bytes from the ring's first byte to its last.
    pub fn total_length(&self) -> u64 {
        self.plan.total_length
    }

    /// The geometry section: written once, at creation.
    pub fn geometry_section(&self) -> Section {
        self.between(0, self.plan.producer_offset)
    }

    /// The producer page: written by the producer alone.
    pub fn producer_section(&self) -> Section {
        self.between(self.plan.producer_offset, self.plan.hints_offset)
    }

    /// The hints page: written by the producer and the consumers.
    pub fn hints_section(&self) -> Section {
        self.between(self.plan.hints_offset, self.plan.consumers_offset)
    }

    /// The consumers' cells.
    pub fn consumers_section(&self) -> Section {
        self.between(self.plan.consumers_offset, self.plan.slots_offset)
    }

    /// The slots: written by the producer alone.
    pub fn slots_section(&self) -> Section {
        self.between(self.plan.slots_offset, self.plan.total_length)
    }

    fn between(&self, offset: u64, end: u64) -> Section {
        Section { offset, length: end - offset }
    }
}
