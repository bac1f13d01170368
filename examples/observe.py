#!/usr/bin/env python3
"""An observer in Python, written from docs/format.md alone: `observe.py /dev/shm/quotes`.

It writes each message to standard output as `ringway sub --observe` does, on a line of its own, and says at the end how many
messages it received and lost. It maps the file read-only, holds no lock and slows no other process.

Python has no fences. What stands here for an acquire fence is the order in which x86-64 executes loads, and
CPython's way of loading a word of a memoryview at once. A reader for other processors needs a language that
has fences: the comments name them as docs/format.md does.
"""

import fcntl
import mmap
import os
import struct
import sys
import time

LARGEST = 2**62
SKIPS = 1
VOID = 2**63


def refuse(what):
    sys.exit(f"observe.py: {what}")


def align(n, to):
    return (n + to - 1) // to * to


class Geometry:
    """Section 3, checked as section 10 says. Read once, and private."""

    def __init__(self, header, length):
        if len(header) < 384:
            refuse(f"the file has {len(header)} bytes, a ring's header has 384")
        if header[:8] != b"RINGWAY\0":
            refuse(f"no ring: it begins with {header[:8]!r}")
        words = struct.unpack("=48Q", header)
        if words[1] != 0x0102030405060708:
            refuse(f"byte order {words[1]:#x}: made on another kind of machine, or damaged")
        if words[2] != 3:
            refuse(f"format version {words[2]}: this reader knows 3")
        checksum = 0xCBF29CE484222325
        for byte in header[8:376]:
            checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
        if checksum != words[47]:
            refuse(f"checksum {words[47]:#x}, computed {checksum:#x}: the header is damaged")
        if words[3] & ~SKIPS:
            refuse(f"features {words[3]:#x}: this reader knows {SKIPS:#x}")
        # Without the feature the word is reserved.
        self.skips, self.first = words[3] == SKIPS, words[20]
        if self.first >= LARGEST or (self.first and not self.skips):
            refuse(f"first sequence {self.first}")
        placement, self.slots, self.stride, kind, self.capacity, consumers, section = words[4:11]
        power = self.slots & (self.slots - 1) == 0 and section & (section - 1) == 0
        if not (power and 2 <= self.slots <= 2**32 and self.capacity < 2**32 and 1 <= consumers <= 1024):
            refuse("slots, capacity, consumers or alignment out of range")
        if section < mmap.PAGESIZE or kind not in (0, 1, 2, 3) or placement not in (0, 1, 2):
            refuse("alignment, stride kind or placement unknown")
        self.producer = align(384, section)
        hints = self.producer + align(512, section)
        cells = hints + align(128, section)
        self.first_slot = cells + align(128 * consumers, section)
        self.stamps = align(8 * self.slots, 128) if kind == 3 else 0
        self.length = self.first_slot + align(self.stamps + self.stride * self.slots, section)
        # In slots of kinds 2 and 3 all messages have one length.
        self.fixed, self.kind = kind in (2, 3), kind
        if kind == 2 and self.capacity > 56:
            refuse(f"payload capacity {self.capacity}: a line holds 56")
        headed = align(16 + self.capacity, 64 if kind == 0 else 8)
        expected = ({2: 64, 3: max(align(self.capacity, 64), 64)}.get(kind, headed),)
        expected += (self.producer, hints, cells, self.first_slot, self.length)
        if (self.stride, *words[11:16]) != expected or any(words[21:32]):
            refuse("stride, offsets, length or reserved words are not as computed")
        if placement != 1 or length != self.length:
            refuse(f"a file of {length} bytes for a ring of {self.length}: this reader wants a whole file")
        with open("/proc/sys/kernel/random/boot_id") as boot:
            if header[144:160] != bytes.fromhex(boot.read().strip().replace("-", "")):
                refuse("made before this machine last started")


class Observer:
    """Section 11."""

    def __init__(self, path):
        self.file = open(path, "rb")
        header = self.file.read(384)
        g = self.geometry = Geometry(header, os.fstat(self.file.fileno()).st_size)
        self.bytes = mmap.mmap(self.file.fileno(), g.length, prot=mmap.PROT_READ)
        if self.bytes[:384] != header:
            refuse("the header changed while it was read")
        self.words = memoryview(self.bytes).cast("Q")
        self.epoch = self.load(g.producer + 128) >> 2
        self.lost_epoch = None
        self.next = self.start = self.oldest(self.head(), 0)
        self.margin = self.lost = 0

    def load(self, offset):
        return self.words[offset // 8]

    def slot(self, n):
        g = self.geometry
        return g.first_slot + g.stamps + g.stride * (n % g.slots)

    def stamp(self, n):
        g = self.geometry
        if g.kind == 3:
            return self.load(g.first_slot + 8 * (n % g.slots))  # acquire fence (R1)
        return self.load(self.slot(n) + (56 if g.kind == 2 else 0))  # acquire fence (R1)

    def head(self):
        head = self.load(self.geometry.producer)  # acquire fence (H1)
        if head > LARGEST:
            refuse(f"damaged: head {head}")
        return max(head, self.geometry.first)

    def void(self, stamp):
        """The message that a void stamp names."""
        if self.geometry.skips and stamp > VOID and stamp % 2:
            return (stamp - VOID) // 2
        return None

    def has_come(self, n):
        stamp = self.stamp(n)
        void = self.void(stamp)
        return n < self.head() if void is not None and void < n else stamp >= 2 * n + 2

    def oldest(self, newest, margin):
        first = self.geometry.first
        if newest - first < self.geometry.slots:
            return first + margin
        edge = newest - self.geometry.slots
        stamp = self.stamp(edge)
        void = self.void(stamp)
        kept = stamp == 2 * edge + 2 or (void is not None and void <= edge)
        return edge + (margin if kept else max(margin, 1))

    def attempt(self):
        """The next message as (sequence, tag, bytes), or "lapped", "again", "empty", "lost", "closed"."""
        n, at = self.next, self.slot(self.next)
        stamp = self.stamp(n)
        if stamp < 2 * n + 2:
            return self.not_there()
        if stamp > 2 * n + 2:
            void = self.void(stamp)
            return self.skipped(void) if void is not None and void <= n else self.lapped(stamp)
        if self.geometry.fixed:
            length, tag = self.geometry.capacity, 0
            payload = self.bytes[at : at + length]
        else:
            word = self.load(at + 8)
            length, tag = word % 2**32, word >> 32
            payload = self.bytes[at + 16 : at + 16 + min(length, self.geometry.capacity)]
        # acquire fence (R2)
        if self.stamp(n) != stamp:
            stamp = self.stamp(n)
            return self.lapped(stamp) if stamp > 2 * n + 2 else refuse(f"damaged: stamp {stamp} of {n}")
        if length > self.geometry.capacity:
            refuse(f"damaged: message {n} has {length} bytes")
        self.next, self.margin = n + 1, 0
        return n, tag, payload

    def lapped(self, stamp):
        n, slots = self.next, self.geometry.slots
        void = self.void(stamp)
        head, later = self.head(), (stamp - 1) // 2 if void is None else void
        if not (later > n and later % slots == n % slots and later <= head + slots):
            refuse(f"damaged: stamp {stamp} in the slot of message {n}, head {head}")
        resume = max(self.oldest(max(head, later), self.margin), n + 1)
        self.margin = min(max(2 * self.margin, slots // 8, 1), slots // 2)
        self.lost += resume - n
        self.next = resume
        return "lapped"

    def skipped(self, void):
        """The slot has the void stamp of `void`: this message or an earlier one."""
        n, slots, head = self.next, self.geometry.slots, self.head()
        if void > head + slots:
            refuse(f"damaged: the slot of message {n} has the void stamp of {void}, and head is {head}")

        def is_void(seq):
            void = self.void(self.stamp(seq))
            return void == seq or (void is not None and void < seq < head)

        if not is_void(n):
            return self.not_there()
        end = max(n + 1, head - slots)
        last = min(end, head) + slots
        while end < last and is_void(end):
            end += 1
        self.lost += end - n
        self.next = end
        return "lapped"

    def not_there(self):
        word = self.load(self.geometry.producer + 128)  # acquire fence (E2)
        epoch, state = word >> 2, word & 3
        if state == 3:
            refuse("damaged: state 3")
        if epoch != self.epoch:
            if not self.has_come(self.next):
                self.epoch = epoch
            return "again"
        if state != 2:
            return "empty"
        if self.has_come(self.next):
            return "again"
        self.check_place()
        return "closed"

    def check_place(self):
        head = self.head()
        late = self.next > head + self.geometry.slots
        if late or (self.next < head and self.stamp(self.next) < 2 * self.next + 2):
            refuse(f"damaged: message {self.next} isn't there, and head is {head}")

    def producer_alive(self):
        # struct flock: type, whence, start, length, pid. Byte 0 is the producer's (section 8).
        ask = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        answer = fcntl.fcntl(self.file, fcntl.F_OFD_GETLK, ask)
        return struct.unpack_from("h", answer)[0] == fcntl.F_WRLCK

    def is_lost(self):
        """Whether the producer is gone without closing the ring. Asked by a reader that has waited."""
        self.check_place()
        state = self.load(self.geometry.producer + 128) & 3
        if state != 1 or self.lost_epoch == self.epoch or self.producer_alive():
            return False
        if self.not_there() != "empty" or self.has_come(self.next):
            return False
        self.lost_epoch = self.epoch
        return True


def main():
    if len(sys.argv) != 2:
        refuse("expected the path of a ring")
    observer = Observer(sys.argv[1])
    print(f"from message {observer.start}", file=sys.stderr, flush=True)
    while True:
        found = observer.attempt()
        if isinstance(found, tuple):
            _, tag, payload = found
            # Section 15: bit 31 of the tag says that no newline follows.
            sys.stdout.buffer.write(payload if tag >> 31 else payload + b"\n")
        elif found == "closed":
            break
        elif found == "empty":
            sys.stdout.flush()
            time.sleep(0.01)
            if observer.is_lost():
                print("the producer is lost", file=sys.stderr, flush=True)
    sys.stdout.flush()
    received = observer.next - observer.start - observer.lost
    print(f"received {received}, lost {observer.lost}", file=sys.stderr)


main()
