"""Reads a ring until it is closed, checks each message, and prints what it saw as lines of JSON."""

import json
import sys

import numpy as np
import ringway

WORDS = 6
BATCH = 1024
FACTORS = [np.uint64(f) for f in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)]


def words_of(source):
    """All words of the messages with these numbers, one message a row (splitmix64)."""
    index = np.arange(1, WORDS, dtype=np.uint64)
    word = (source[:, None] * np.uint64(8) + index) * FACTORS[0]
    word = (word ^ (word >> np.uint64(30))) * FACTORS[1]
    word = (word ^ (word >> np.uint64(27))) * FACTORS[2]
    return np.column_stack([source, word ^ (word >> np.uint64(31))])


def say(**what):
    print(json.dumps(what), flush=True)


class Checker:
    """Checks the batches, and adds up what they hold."""

    def __init__(self):
        self.next_seq = None
        self.next_source = None
        self.messages = self.sum = self.missing = 0

    def batch(self, first, words):
        if self.next_seq not in (None, first):
            sys.exit(f"message {first} came in the place of {self.next_seq}")
        source = words[:, 0]
        if not np.array_equal(words, words_of(source)):
            sys.exit(f"a message from {first} on holds other bytes")
        steps = np.diff(source)
        if (source[1:] <= source[:-1]).any() or (self.next_source is not None and source[0] < self.next_source):
            sys.exit(f"a message from {first} on isn't later at the source than the one before")
        if self.next_source is not None:
            self.missing += int(source[0]) - self.next_source
        self.missing += int(steps.sum()) - len(steps)
        places = np.arange(self.messages + 1, self.messages + 1 + len(words), dtype=np.uint64)
        total = words.sum(axis=1, dtype=np.uint64)
        self.sum = (self.sum + int((places * total).sum(dtype=np.uint64))) % 2**64
        self.messages += len(words)
        self.next_seq = first + len(words)
        self.next_source = int(source[-1]) + 1


def main(path):
    checker = Checker()
    with ringway.open(path) as ring, ring.consumer(start="oldest") as consumer:
        say(joined=True)
        while not isinstance(got := consumer.recv_batch(BATCH), ringway.Closed):
            if not isinstance(got, ringway.Batch):
                continue
            with got as batch:
                ready = checker.messages == 0
                checker.batch(batch.first_seq, batch.numpy("<u8").reshape(-1, WORDS))
            if ready:
                say(ready=checker.next_seq)
    say(messages=checker.messages, sum=checker.sum, missing=checker.missing)


if __name__ == "__main__":
    main(sys.argv[1])
