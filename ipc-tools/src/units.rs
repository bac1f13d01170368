//! Numbers with units, as the command line takes them.

use std::time::Duration;

use bytesize::ByteSize;

/// Bytes: `4096`, `64KiB`, `1MB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let hint = "expected a number of bytes, with a unit or without: 4096, 64KiB, 1MB";
    let size: ByteSize = text.parse().map_err(|error| format!("{error}; {hint}"))?;
    Ok(size.as_u64())
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
