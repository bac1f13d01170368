//! Which boot of the machine this is, and numbers that no other ring has.

use std::io;

/// Where the kernel names this boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where the kernel gives out random numbers as text.
pub const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// The number of this boot: another one after every start of the machine.
///
/// # Errors
/// [`BOOT_ID`] can't be read.
pub fn boot_id() -> io::Result<[u8; 16]> {
    parse(&std::fs::read_to_string(BOOT_ID)?)
}

/// A random number, for a new ring.
///
/// # Errors
/// [`RANDOM`] can't be read.
pub fn ring_id() -> io::Result<[u8; 16]> {
    parse(&std::fs::read_to_string(RANDOM)?)
}

/// The bytes of a UUID, in the order of its text.
fn parse(uuid: &str) -> io::Result<[u8; 16]> {
    let digits = uuid.trim().replace('-', "");
    u128::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() == 32)
        .map(u128::to_be_bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{uuid:?} is no UUID")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_in_the_order_of_their_text() {
        let bytes = parse("00010203-0405-0607-0809-0a0b0c0d0e0f\n").unwrap();
        assert_eq!(bytes, core::array::from_fn(|index| index as u8));
        assert!(parse("00010203").is_err());
    }

    #[test]
    fn the_boot_stays_and_ring_ids_differ() {
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
        assert_ne!(ring_id().unwrap(), ring_id().unwrap());
    }
}
