//! What the facade keeps to itself: modules for crates that place rings, and for this project's own tests.
//!
//! A program finds what it needs:
//! ```
//! use ringway::file::{FileRing, OpenOptions, create, open};
//! use ringway::{AttachError, Config, Ring, anon, memfd, prelude};
//! ```
//! And nothing of these:
//! ```compile_fail,E0432
//! use ringway::placement;
//! ```
//! ```compile_fail,E0432
//! use ringway::edge;
//! ```
//! ```compile_fail,E0432
//! use ringway::copy;
//! ```
//! ```compile_fail,E0432
//! use ringway::region;
//! ```
//! ```compile_fail,E0432
//! use ringway::snapshot;
//! ```
//! ```compile_fail,E0432
//! use ringway::file::placement;
//! ```
//! ```compile_fail,E0432
//! use ringway::file::locks;
//! ```
//! ```compile_fail,E0432
//! use ringway::file::map;
//! ```
//! ```compile_fail,E0432
//! use ringway::file::boot;
//! ```
//! ```compile_fail,E0432
//! use ringway::file::handle_status;
//! ```
