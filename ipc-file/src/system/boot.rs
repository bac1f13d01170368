//! Which boot of the machine this is.

use std::fs::File;
use std::io::{self, Read};

/// Where the kernel names this boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// More than a UUID and the end of its line, so that one system call reads it whole.
const ROOM: usize = 64;

/// The number of this boot: another one after every start of the machine.
///
/// # Errors
/// [`BOOT_ID`] can't be read.
pub fn boot_id() -> io::Result<[u8; 16]> {
    read_uuid(BOOT_ID)
}

/// Reads the UUID that a file of the kernel consists of. Such a file gives out its text at the first read, so
/// neither its length is asked for nor its end.
pub(super) fn read_uuid(path: &str) -> io::Result<[u8; 16]> {
    let mut text = [0; ROOM];
    let mut file = File::open(path)?;
    let length = loop {
        match file.read(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    parse(&String::from_utf8_lossy(&text[..length]))
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
    fn the_boot_stays() {
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
    }
}
