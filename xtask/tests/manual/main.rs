//! What the manual holds to: each error has its entry, and each link leads somewhere.

mod error_texts;
mod links;
mod troubleshooting;

use std::path::Path;

/// The repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
