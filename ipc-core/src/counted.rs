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

#[cfg(test)]
mod tests {
    use crate::error::{AttachError, BatchError, Full, GeometryError, PublishError, RecvError};

    #[test]
    fn errors_speak_of_one_thing_in_the_singular() {
        let full = Full { cell: 0, pid: 7, lag: 1 };
        let texts = [
            GeometryError::TooShort { found: 1, expected: 384 }.to_string(),
            GeometryError::Slots { found: 1 }.to_string(),
            GeometryError::SectionAlign { found: 1, page_size: 4096 }.to_string(),
            GeometryError::Overflow { slots: 2, payload_capacity: 1, section_align: 1 << 62 }.to_string(),
            AttachError::NoFreeCell { max: 1 }.to_string(),
            full.to_string(),
            PublishError::TooLong { len: 1, capacity: 0 }.to_string(),
            BatchError { published: 1, error: PublishError::Full(full) }.to_string(),
            RecvError::TooSmall { needed: 1, found: 0 }.to_string(),
        ];
        for text in texts {
            let plural = text.split(' ').zip(text.split(' ').skip(1));
            let wrong =
                plural.filter(|(n, thing)| *n == "1" && thing.trim_end_matches([':', ',']).ends_with('s'));
            assert_eq!(wrong.count(), 0, "{text}");
        }
        assert!(Full { lag: 2, ..full }.to_string().contains("2 messages behind"));
        assert!(AttachError::NoFreeCell { max: 2 }.to_string().starts_with("all 2 consumer cells are held"));
    }
}
