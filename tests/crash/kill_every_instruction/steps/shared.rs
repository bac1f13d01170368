//! What others can tell of a child that stands still: the memory that it shares with them, and its system calls.
//!
//! Nothing else of a process outlives it. So a child that dies at a position leaves exactly what it would have left at
//! the position before, if no byte of shared memory has changed in between and the child made no system call.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::tracee::Tracee;

/// The instructions that call the system: `syscall`, `sysenter` and `int 0x80`.
const CALLS: [[u8; 2]; 3] = [[0x0f, 0x05], [0x0f, 0x34], [0xcd, 0x80]];

/// The memory that this process shares with the child, as it was when it was last looked at.
pub struct Shared {
    memory: File,
    /// Address and length of each part.
    parts: Vec<(u64, usize)>,
    /// What it held at the last look, and what it holds now.
    held: [Vec<u8>; 2],
    /// Whether the instruction at an address calls the system.
    calls: HashMap<u64, bool>,
    /// Whether the child has called it since the last look.
    called: bool,
}

impl Shared {
    /// What this process maps that others may map, too: the ring, by the survivors' handles.
    pub fn new() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").expect("procfs");
        // The longest mapping of what begins at an offset in a file.
        let mut longest = HashMap::new();
        for (part, origin) in maps.lines().filter_map(shared) {
            let known = longest.entry(origin).or_insert(part);
            if known.1 < part.1 {
                *known = part;
            }
        }
        let memory = File::open("/proc/self/mem").expect("procfs");
        // What lies beyond a file's end isn't there: the file that has an anonymous ring's locks is empty.
        let is_there =
            |&(address, length): &(u64, usize)| memory.read_exact_at(&mut vec![0; length], address).is_ok();
        let parts: Vec<_> = longest.into_values().filter(is_there).collect();
        assert!(!parts.is_empty(), "the survivors map the ring");
        let held = vec![0; parts.iter().map(|&(_, length)| length).sum()];
        Self { memory, parts, held: [held.clone(), held], calls: HashMap::new(), called: true }
    }

    /// Whether others can tell where the child stands now from where it stood at the last look, an instruction before.
    /// They can at the first look.
    pub fn changed(&mut self, child: &Tracee) -> bool {
        let [before, now] = &mut self.held;
        let mut rest = &mut now[..];
        for &(address, length) in &self.parts {
            let part;
            (part, rest) = rest.split_at_mut(length);
            self.memory.read_exact_at(part, address).expect("memory of this process");
        }
        let same = before == now;
        if !same {
            before.copy_from_slice(now);
        }
        let changed = self.called || !same;
        let pc = child.pc();
        self.called = *self.calls.entry(pc).or_insert_with(|| {
            let [first, second, ..] = child.word(pc as usize).to_ne_bytes();
            CALLS.contains(&[first, second])
        });
        changed
    }
}

/// Address and length of a mapping that is shared, and what it maps: the file and the offset.
fn shared(line: &str) -> Option<((u64, usize), [&str; 3])> {
    let mut words = line.split_ascii_whitespace();
    let (range, permissions) = (words.next()?, words.next()?);
    if !permissions.ends_with('s') {
        return None;
    }
    let [offset, device, inode] = [words.next()?, words.next()?, words.next()?];
    let (start, end) = range.split_once('-')?;
    let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).expect("an address"));
    Some(((start, (end - start) as usize), [device, inode, offset]))
}
