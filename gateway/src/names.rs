//! Names of mirrored rings, and the keys of Zenoh that they stand for.

use anyhow::{Result, bail};
use zenoh::key_expr::{KeyExpr, keyexpr};

use crate::frame::RingId;

/// The beginning of all keys: the project, and the version of the protocol.
pub const PREFIX: &str = "ringway/1";

/// Last parts that a name can't have: its keys would look like those of the name before the last part.
const RESERVED: [&str; 6] = ["data", "range", "meta", "ack", "live", "forget"];

/// The name under which a ring is mirrored: parts separated by slashes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// If it is empty, too long, has parts that Zenoh's keys can't have, or ends like a key of another ring.
    ///
    /// # Examples
    /// ```
    /// use ringway_gateway::names::Name;
    ///
    /// assert_eq!(Name::new("desk/quotes")?.data(), "ringway/1/desk/quotes/data");
    /// assert!(Name::new("desk/*").is_err());
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn new(name: &str) -> Result<Self> {
        let found = keyexpr::new(name);
        let has_odd = name.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control());
        if name.len() > 200 || has_odd || !found.is_ok_and(|key| !key.is_wild()) {
            bail!(
                "name {name:?}: expected up to 200 bytes, parts separated by single slashes, none of them empty, no white \
                 space and none of * $ ? # @; choose one such as desk/quotes"
            );
        }
        if RESERVED.contains(&last_part(name)) {
            bail!(
                "name {name:?}: its last part is one of {}, which the keys of a ring end with, expected another; choose \
                 one such as desk/quotes",
                RESERVED.join(", ")
            );
        }
        Ok(Self(name.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one of these patterns of Zenoh (`desk/**`) includes the name.
    pub fn is_allowed_by(&self, patterns: &[String]) -> Result<bool> {
        for pattern in patterns {
            let Ok(found) = KeyExpr::autocanonize(pattern.clone()) else {
                bail!("pattern {pattern:?}: expected a key expression such as desk/**; correct it");
            };
            if keyexpr::new(&self.0).is_ok_and(|name| found.includes(name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Key of the frames that a source pushes.
    pub fn data(&self) -> String {
        format!("{PREFIX}/{}/data", self.0)
    }

    /// Key of the questions for messages.
    pub fn range(&self) -> String {
        format!("{PREFIX}/{}/range", self.0)
    }

    /// Key of the ring's description.
    pub fn meta(&self) -> String {
        format!("{PREFIX}/{}/meta", self.0)
    }

    /// Key of a sink's acks.
    pub fn ack(&self, sink: &str) -> String {
        format!("{PREFIX}/{}/ack/{sink}", self.0)
    }

    /// Key of a sink's description.
    pub fn sink_meta(&self, sink: &str) -> String {
        format!("{PREFIX}/{}/meta/{sink}", self.0)
    }

    /// Key of the requests to forget a sink.
    pub fn forget(&self, sink: &str) -> String {
        format!("{PREFIX}/{}/forget/{sink}", self.0)
    }

    /// The liveliness token of the source.
    pub fn source_token(&self) -> String {
        format!("{PREFIX}/{}/live/source", self.0)
    }
}

/// The last part of a key.
pub fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// A ring's id in hexadecimal.
pub fn hex(id: &RingId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a ring's id from 32 hexadecimal digits.
pub fn from_hex(digits: &str) -> Option<RingId> {
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, at) in id.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_keys_are_refused() {
        for name in ["", "/desk", "desk/", "desk//quotes", "desk/*", "desk/**", "a?b", "a#b", "a$b", "@/x"] {
            assert!(Name::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_with_white_space_or_the_last_part_of_a_key_are_refused() {
        // A keeper is told names in lines, split at spaces.
        for name in ["desk quotes", " desk", "desk/a\tb", "desk\n", "desk/\u{2003}x", "desk/\u{7f}"] {
            let refused = Name::new(name).unwrap_err().to_string();
            assert!(refused.contains("white space") && refused.contains("choose one"), "{refused}");
        }
        for last in RESERVED {
            let refused = Name::new(&format!("desk/{last}")).unwrap_err().to_string();
            assert!(refused.contains(last) && refused.contains("choose one"), "{refused}");
            assert!(
                Name::new(&format!("{last}/quotes")).is_ok() && Name::new(&format!("desk/{last}2")).is_ok()
            );
        }
    }

    #[test]
    fn an_allow_list_includes_by_patterns() {
        let name = Name::new("desk/quotes").unwrap();
        let allowed = |patterns: &[&str]| {
            name.is_allowed_by(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
        };
        assert!(allowed(&["desk/**"]) && allowed(&["other", "desk/quotes"]) && allowed(&["*/quotes"]));
        assert!(!allowed(&[]) && !allowed(&["desk"]) && !allowed(&["desk/trades", "x/**"]));
    }

    #[test]
    fn ids_go_to_hexadecimal_and_back() {
        let id = [0, 1, 254, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(from_hex(&hex(&id)), Some(id));
        assert_eq!(from_hex("é".repeat(16).as_str()), None);
    }
}
