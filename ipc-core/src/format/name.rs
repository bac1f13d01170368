//! The name that a role gives itself.

use core::fmt::{self, Debug, Display, Formatter, Write};
use core::num::NonZeroU8;
use core::str::FromStr;

/// Longest name, in bytes.
pub(crate) const NAME_MAX: usize = 32;
/// Words that a name takes in shared memory.
pub(crate) const NAME_WORDS: usize = NAME_MAX / 8;

/// A short name that a role gives itself, for people who look at the ring: 1 to 32 bytes of UTF-8.
///
/// It lies in the ring beside the role's PID, and is a hint as that is: nothing goes by it, and any process that may
/// write the ring can write any name.
///
/// [`Display`] shows a name of printable text as it is. Any other (one with a control character, a quote or a
/// backslash) is shown as a string literal of Rust, so that it can't break a line or reach the terminal. [`Debug`]
/// always shows the literal. [`as_str`](Self::as_str) is the name itself.
///
/// # Examples
/// ```
/// use ringway::Name;
///
/// # fn main() -> Result<(), ringway::NameError> {
/// let name = Name::new("recorder")?;
/// assert_eq!(name.to_string(), "recorder");
/// assert_eq!(Name::new("a\nb")?.to_string(), r#""a\nb""#);
/// assert!(Name::new("").is_err());
/// assert!("a name that is longer than 32 bytes".parse::<Name>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Those after `len` are 0.
    bytes: [u8; NAME_MAX],
    len: NonZeroU8,
}

/// Why a text can't be a role's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It has no bytes.
    #[error("a role's name has 1 to 32 bytes, found none: leave the name out, or give one")]
    Empty,
    /// It has too many.
    #[error("a role's name has 1 to 32 bytes, found {len}: give a shorter one")]
    TooLong {
        /// Length of the text, bytes.
        len: usize,
    },
}

impl Name {
    /// Longest name, in bytes.
    pub const MAX: usize = NAME_MAX;

    /// The name of this text.
    ///
    /// # Errors
    /// `Empty`, `TooLong`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Name, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// consumer.set_name(Name::new("recorder")?)?;
    /// assert_eq!(ring.stats()?.consumers[0].name, Some("recorder".parse()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut bytes = [0; NAME_MAX];
        let start = bytes.get_mut(..text.len()).ok_or(NameError::TooLong { len: text.len() })?;
        start.copy_from_slice(text.as_bytes());
        let len = NonZeroU8::new(text.len() as u8).ok_or(NameError::Empty)?;
        Ok(Self { bytes, len })
    }

    /// The name, whatever characters it has: to be shown by [`Display`].
    pub fn as_str(&self) -> &str {
        // It is a text by construction.
        str::from_utf8(&self.bytes[..self.len.get().into()]).unwrap_or_default()
    }

    /// The name that words of shared memory hold; `None` if it is none.
    pub(crate) fn from_words(len: u64, words: [u64; NAME_WORDS]) -> Option<Self> {
        let mut bytes = [0; NAME_MAX];
        for (eight, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *eight = word.to_ne_bytes();
        }
        let text = bytes.get(..usize::try_from(len).ok()?)?;
        Self::new(str::from_utf8(text).ok()?).ok()
    }

    /// The words that a name is kept in, and its length; `None` has 0.
    #[cfg(any(not(loom), test))]
    pub(crate) fn to_words(name: Option<Self>) -> (u64, [u64; NAME_WORDS]) {
        let Some(Self { bytes, len }) = name else { return (0, [0; NAME_WORDS]) };
        let mut words = [0; NAME_WORDS];
        for (word, eight) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_ne_bytes(*eight);
        }
        (len.get().into(), words)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut literal = String::new();
        write!(literal, "{self:?}")?;
        let plain = self.as_str();
        // Nothing was escaped.
        f.pad(if literal.len() == plain.len() + 2 { plain } else { &literal })
    }
}

impl Debug for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_32_bytes() {
        let longest = "ä".repeat(16);
        for text in ["a", "order router 2", longest.as_str()] {
            let name = Name::new(text).unwrap();
            assert_eq!((name.as_str(), name.to_string()), (text, text.into()));
            let (len, words) = Name::to_words(Some(name));
            assert_eq!(Name::from_words(len, words), Some(name));
        }
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new(&"x".repeat(33)), Err(NameError::TooLong { len: 33 }));
        assert_eq!("x".repeat(1 << 20).parse::<Name>(), Err(NameError::TooLong { len: 1 << 20 }));
    }

    #[test]
    fn words_that_are_no_name_give_none() {
        let (_, words) = Name::to_words(Some(Name::new(&"x".repeat(32)).unwrap()));
        for len in [0, 33, 1 << 32, (1 << 32) + 1, u64::MAX] {
            assert_eq!(Name::from_words(len, words), None, "{len}");
        }
        assert!(Name::from_words(32, words).is_some());
        let broken = [u64::from_ne_bytes(*b"\xff\xfeabcdef"), 0, 0, 0];
        assert_eq!(Name::from_words(8, broken), None);
        // A character cut in two.
        let cut = [u64::from_ne_bytes("aaaaaaaä".as_bytes()[..8].try_into().unwrap()), 0, 0, 0];
        assert_eq!(Name::from_words(8, cut), None);
    }

    #[test]
    fn no_name_brings_a_control_character_or_an_end_of_quotes_into_the_line() {
        for text in
            ["\x1b[2Jred", "a\nb", "tab\t", "nul\0", "del\x7f", "\u{202e}txet", "\u{9b}2J", "x\" (pid 1)"]
        {
            let name = Name::new(text).unwrap();
            let shown = [name.to_string(), format!("{name:?}")];
            for shown in shown {
                assert!(shown.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{shown:?}");
                let inner = shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
                assert!(!inner.replace("\\\"", "").contains('"'), "{shown:?}");
            }
        }
    }
}
