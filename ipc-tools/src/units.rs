//! Numbers with units, as the command line takes them.

use std::time::Duration;

use bytesize::ByteSize;

/// Bytes: `4096`, `64KiB`, `1MB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    match text.parse::<ByteSize>().map(|size| size.as_u64()) {
        // What is larger than that comes as that, if it has a unit.
        Ok(size) if size < u64::MAX => Ok(size),
        Err(_) if !is_size_of_many_digits(text) => {
            Err("expected a number of bytes, with a unit or without: 4096, 64KiB, 1MB".into())
        }
        _ => Err(format!("too large: expected at most {} bytes", u64::MAX - 1)),
    }
}

/// Whether it would be a size, were the number shorter.
fn is_size_of_many_digits(text: &str) -> bool {
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    unit.len() < text.len() && format!("1{unit}").parse::<ByteSize>().is_ok()
}

/// Bytes of the longest message that a slot can hold.
pub(crate) fn slot_size(text: &str) -> Result<u64, String> {
    const MOST: u64 = u32::MAX as u64;
    match size(text)? {
        size if size <= MOST => Ok(size),
        _ => Err(format!("too large: a slot holds at most {MOST} bytes, which is 4 GiB less one byte")),
    }
}

/// Bytes in hexadecimal digits. Messages are shown by it, so it makes no string of each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A number of things, in the singular or the plural.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// A length of time: `500ms`, `10s`, `1m 30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let hint = "expected a number with a unit: 500ms, 10s, 1m 30s";
    humantime::parse_duration(text).map_err(|error| format!("{error}; {hint}"))
}

/// Permissions of a file: three octal digits, with a leading zero or without.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("expected three octal digits, as for chmod: 0600, 640".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_binary_and_decimal_units() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("64KiB", 65536), ("1M", 1_000_000), ("2 MiB", 2 << 20)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for text in ["", "KiB", "64XiB", "-1", "1KB2", "ten"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_too_large_is_told_from_what_is_no_size() {
        for text in ["99999999999999999999", "99999999999999999999KiB", "99999999999 TiB", "17EiB"] {
            assert!(size(text).unwrap_err().starts_with("too large"), "{text}: {:?}", size(text));
        }
        assert_eq!(slot_size("4294967295"), Ok(4_294_967_295));
        for text in ["4294967296", "4GiB", "9999999999999999999", "99999999999999999999"] {
            assert!(slot_size(text).unwrap_err().starts_with("too large"), "{text}");
        }
        for text in ["", "KiB", "99999999999999999999XiB"] {
            assert!(slot_size(text).unwrap_err().starts_with("expected a number"), "{text}");
        }
    }

    #[test]
    fn one_is_singular() {
        let texts = [0, 1, 2].map(|n| counted(n, "consumer"));
        assert_eq!(texts, ["0 consumers", "1 consumer", "2 consumers"]);
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "10", "10 parsecs", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes_are_octal_and_hold_permissions_alone() {
        assert_eq!(mode("0640"), Ok(0o640));
        assert_eq!(mode("600"), Ok(0o600));
        for text in ["", "0o600", "888", "4755", "rw"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}
