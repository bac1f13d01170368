//! What a role writes of itself, for people: a hint.

use core::fmt::{self, Display, Formatter};

use crate::format::name::{NAME_WORDS, Name};

/// How often the words are looked at, if they change each time.
const LOOKS: u32 = 4;

/// What a role has written of itself into the ring, for display. Any of it may be forged, of another namespace, or of
/// a role that was there before.
///
/// As text: `"recorder", pid 7, uid 1000`, without what it doesn't say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoleHint {
    /// Its process.
    pub pid: u64,
    /// That process's effective user; `None` if it didn't say.
    pub uid: Option<u32>,
    /// Its name; `None` if it has none, or if what lies there is no name.
    pub name: Option<Name>,
}

/// The words of a role's hint, as found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HintWords {
    /// What changes when another role takes the place: the word of a cell, or epoch and state.
    pub(crate) taken: u64,
    pub(crate) pid: u64,
    pub(crate) uid_plus_1: u64,
    pub(crate) name_len: u64,
    pub(crate) name: [u64; NAME_WORDS],
}

impl HintWords {
    /// What the words say, as they are.
    pub(crate) fn decode(self) -> RoleHint {
        let uid = self.uid_plus_1.checked_sub(1).and_then(|uid| u32::try_from(uid).ok());
        RoleHint { pid: self.pid, uid, name: Name::from_words(self.name_len, self.name) }
    }
}

impl RoleHint {
    /// What `look` finds twice in a row. If that never is, the PID alone: no name stands beside the PID of another role
    /// for having been read while one followed the other.
    pub(crate) fn steady(mut look: impl FnMut() -> HintWords) -> Self {
        let mut found = look();
        for _ in 1..LOOKS {
            let again = look();
            if again == found {
                return found.decode();
            }
            found = again;
        }
        Self { pid: found.pid, ..Self::default() }
    }

    /// That of the producer, whose page's words `word` gives by their offset in bytes from the page's start; `None` of
    /// the words that can't be read.
    pub fn of_producer_page(mut word: impl FnMut(u64) -> Option<u64>) -> Self {
        use crate::format::layout::producer_page as page;
        let mut word = |index: usize| word(8 * index as u64).unwrap_or(0);
        Self::steady(|| HintWords {
            taken: word(page::EPOCH_STATE),
            pid: word(page::PRODUCER_PID),
            uid_plus_1: word(page::UID_PLUS_1),
            name_len: word(page::NAME_LEN),
            name: core::array::from_fn(|at| word(page::NAME + at)),
        })
    }
}

impl Display for RoleHint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { pid, uid, name } = self;
        if let Some(name) = name {
            write!(f, "{name:?}, ")?;
        }
        write!(f, "pid {pid}")?;
        uid.map_or(Ok(()), |uid| write!(f, ", uid {uid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> HintWords {
        let (name_len, name) = Name::to_words(Name::new(name).ok());
        HintWords { taken: 5, pid: 7, uid_plus_1: 1001, name_len, name }
    }

    #[test]
    fn a_hint_says_what_was_found_and_no_more() {
        let hint = |words: HintWords| RoleHint::steady(|| words).to_string();
        assert_eq!(hint(words("recorder")), r#""recorder", pid 7, uid 1000"#);
        assert_eq!(hint(words("\x1b[2J")), r#""\u{1b}[2J", pid 7, uid 1000"#);
        assert_eq!(hint(HintWords { uid_plus_1: 0, ..words("") }), "pid 7");
        assert_eq!(hint(HintWords { uid_plus_1: u64::MAX, ..words("") }), "pid 7");
        assert_eq!(hint(HintWords { uid_plus_1: 1 << 32, ..words("") }), "pid 7, uid 4294967295");
        assert_eq!(hint(HintWords { uid_plus_1: (1 << 32) + 1, ..words("") }), "pid 7");
        for name_len in [33, u64::MAX] {
            assert_eq!(hint(HintWords { name_len, ..words("x") }), "pid 7, uid 1000");
        }
    }

    #[test]
    fn a_name_that_changes_while_it_is_read_isnt_given() {
        // Changes between the first two looks, and then rests.
        let mut looks = 0;
        let settled = RoleHint::steady(|| {
            looks += 1;
            words(if looks == 1 { "before" } else { "after" })
        });
        assert_eq!((settled.name, looks), (Name::new("after").ok(), 3));
        // Never rests: no endless loop, and no name.
        let mut looks = 0;
        let restless = RoleHint::steady(|| {
            looks += 1;
            HintWords { taken: looks, ..words("restless") }
        });
        assert_eq!((restless, looks), (RoleHint { pid: 7, uid: None, name: None }, LOOKS.into()));
    }
}
