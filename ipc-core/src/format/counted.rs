//! Numbers of things in the text of errors.

use core::fmt;

/// A number of things, in the singular or the plural.
pub(crate) struct Counted<N>(pub(crate) N, pub(crate) &'static str);

impl<N: fmt::Display + Copy + PartialEq + From<u8>> fmt::Display for Counted<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Counted(n, thing) = self;
        write!(f, "{n} {thing}{}", if n == N::from(1) { "" } else { "s" })
    }
}
