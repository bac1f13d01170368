//! What a type must be for its values to be messages.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A type whose values can be sent as messages: any bytes of the right length are one, and it holds no
/// padding and no pointer. Derive the supertraits with the `zerocopy` crate.
///
/// # Layout
/// Declare it `#[repr(C)]` or `#[repr(transparent)]`, and its fields' types, too. The compiler may order the fields of
/// any other type as it likes, so two programs may lay it out differently, and each would read the other's fields in
/// the wrong places. The derives refuse padding and types of which not every value is valid. They don't refuse a
/// type without a `repr`, and a ring records name, size and alignment alone: neither can tell. Constant assertions
/// can, as below.
///
/// # Examples
/// ```
/// use ringway_core::Message;
/// use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
///
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Quote {
///     price: u64,
///     quantity: u32,
///     venue: u32,
/// }
///
/// impl Message for Quote {
///     const NAME: &'static str = "example.Quote.v1";
/// }
///
/// // Where the fields lie, for every program that is built with this type.
/// const _: () = assert!(core::mem::offset_of!(Quote, quantity) == 8);
/// const _: () = assert!(core::mem::offset_of!(Quote, venue) == 12);
/// ```
/// In this order the same fields leave a gap, which the derive refuses:
/// ```compile_fail,E0277
/// # use ringway_core::Message;
/// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Quote {
///     quantity: u32,
///     price: u64,
///     venue: u32,
/// }
/// # impl Message for Quote {
/// #     const NAME: &'static str = "example.Quote.v1";
/// # }
/// ```
/// Without `repr(C)` the compiler closes the gap by an order of its own. The derive accepts that, the assertion
/// doesn't:
/// ```compile_fail,E0080
/// # use ringway_core::Message;
/// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// struct Quote {
///     quantity: u32,
///     price: u64,
///     venue: u32,
/// }
/// # impl Message for Quote {
/// #     const NAME: &'static str = "example.Quote.v1";
/// # }
///
/// const _: () = assert!(core::mem::offset_of!(Quote, price) == 8);
/// ```
/// Nor is a type a message of which some bytes are no value:
/// ```compile_fail,E0277
/// # use ringway_core::Message;
/// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Flag {
///     raised: bool,
/// }
/// # impl Message for Flag {
/// #     const NAME: &'static str = "example.Flag.v1";
/// # }
/// ```
pub trait Message: FromBytes + IntoBytes + Immutable + KnownLayout + 'static {
    /// A name for the type and its meaning, 1 to 96 bytes. Change it when the fields change.
    const NAME: &'static str;
}
