//! How errors show a path.

use std::fmt::{self, Display, Formatter, Write};
use std::path::Path;

/// Shows a path in one line of text, whatever its bytes are.
///
/// A file may have a name with a newline, an escape sequence or bytes that aren't UTF-8. Printed as they are,
/// they would break the line or reach the terminal. A path that has such bytes, a quote or a backslash is
/// shown as a string literal of Rust; any other is shown as it is.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use ringway_core::Shown;
///
/// assert_eq!(Shown(Path::new("/dev/shm/my ring")).to_string(), "/dev/shm/my ring");
/// assert_eq!(Shown(Path::new("/dev/shm/a\nb")).to_string(), r#""/dev/shm/a\nb""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a Path);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut literal = String::new();
        write!(literal, "{:?}", self.0)?;
        match self.0.to_str() {
            // Nothing was escaped. An empty path would vanish from the line.
            Some(plain) if !plain.is_empty() && literal.len() == plain.len() + 2 => f.write_str(plain),
            _ => f.write_str(&literal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn shown(bytes: &[u8]) -> String {
        Shown(Path::new(OsStr::from_bytes(bytes))).to_string()
    }

    #[test]
    fn a_path_of_printable_text_is_shown_as_it_is() {
        for path in ["/dev/shm/ring", "with space", "naïve/環", "it's"] {
            assert_eq!(shown(path.as_bytes()), path);
        }
    }

    #[test]
    fn no_path_brings_a_control_character_into_the_line() {
        for byte in 1..=u8::MAX {
            let text = shown(&[b'a', byte, b'b']);
            assert!(!text.chars().any(char::is_control), "{byte:#x}: {text:?}");
        }
        for (path, expected) in [
            (&b"a\nb"[..], r#""a\nb""#),
            (b"\x1b[31mred", r#""\u{1b}[31mred""#),
            (b"a\xff\xfeb", r#""a\xFF\xFEb""#),
            // A control character of Unicode, and one that turns the text around.
            ("a\u{9b}b".as_bytes(), r#""a\u{9b}b""#),
            ("a\u{202e}b".as_bytes(), r#""a\u{202e}b""#),
        ] {
            assert_eq!(shown(path), expected);
        }
    }

    #[test]
    fn what_is_quoted_is_told_from_what_has_quotes() {
        assert_eq!(shown(b"\"a\\nb\""), r#""\"a\\nb\"""#);
        assert_eq!(shown(b""), "\"\"");
    }
}
