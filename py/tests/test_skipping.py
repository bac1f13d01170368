"""Rings whose producers skip sequences: what consumers hold across a skip, and producers that skip."""

import asyncio
import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ringway

FIRST = 100
SLOTS = 8


@contextmanager
def words(path: Path) -> Iterator[memoryview]:
    """The words of a ring's file, which are written as docs/format.md has them."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        with memoryview(memory) as raw, raw.cast("Q") as view:
            yield view


def a_ring(path: Path, trust: bool) -> ringway.Ring:
    """A ring that begins at `FIRST`, and whose producer may skip sequences."""
    ringway.create(path, slots=SLOTS, payload_capacity=48).close()
    with words(path) as word:
        word[3], word[20] = 1, FIRST
        checksum = 0xCBF29CE484222325
        for byte in struct.pack("=46Q", *word[1:47]):
            checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
        word[47] = checksum
    return ringway.open(path, trust_peers=trust)


def skip(path: Path, to: int) -> None:
    """Skips the sequences before `to`, as a producer does that has room for them."""
    with words(path) as word:
        head, slots = word[11] // 8, word[14] // 8
        for seq in range(max(word[head], FIRST), to):
            word[slots + seq % SLOTS * word[6] // 8] = 2**63 + 2 * seq + 1
        word[head] = to


def publish(ring: ringway.Ring, *messages: bytes) -> list[int]:
    """Publishes as a producer that comes and dies, so that sequences can be skipped before the next."""
    producer = ring.producer()
    return [producer.publish(message, timeout=0) for message in messages]


def told(consumer: ringway.Consumer) -> object:
    """What `consumer` is told next but for the producers that come and die."""
    while isinstance(got := consumer.recv(timeout=60), ringway.EpochChanged | ringway.ProducerLost):
        pass
    return got


def nothing(consumer: ringway.Consumer) -> None:
    """`consumer` is told of nothing but producers. It gives back what it may."""
    while (got := consumer.recv(timeout=0)) is not None:
        assert isinstance(got, ringway.EpochChanged | ringway.ProducerLost), got


def message(consumer: ringway.Consumer, seq: int) -> ringway.Message:
    got = told(consumer)
    assert isinstance(got, ringway.Message) and got.seq == seq, got
    return got


def test_what_is_skipped_after_a_held_message_is_told_and_given_back_with_it(place: Path, trust: bool) -> None:
    path = place / "ring"
    ring = a_ring(path, trust)
    consumer = ring.consumer("oldest")
    assert publish(ring, b"first") == [FIRST]
    first = message(consumer, FIRST)
    skip(path, FIRST + 4)
    assert publish(ring, b"second") == [FIRST + 4]
    assert told(consumer) == ringway.Lagged(3)
    second = message(consumer, FIRST + 4)
    skip(path, FIRST + SLOTS)
    assert told(consumer) == ringway.Lagged(3)
    # Two messages and six sequences that were skipped take all slots.
    calls: list[Callable[[], object]] = [
        consumer.recv,
        lambda: consumer.recv(timeout=0),
        lambda: consumer.recv_batch(8),
        lambda: next(consumer),
        lambda: asyncio.run(consumer.recv_async()),
    ]
    for call in calls if trust else []:
        with pytest.raises(ringway.AllHeld, match=f"holds all {SLOTS} slots"):
            call()
    assert bytes(first) == b"first" and bytes(second) == b"second"
    first.release()
    nothing(consumer)
    skip(path, FIRST + SLOTS + 4)
    assert told(consumer) == ringway.Lagged(4)
    assert bytes(second) == b"second"
    second.release()
    nothing(consumer)
    # The whole ring is the producer's again.
    end = FIRST + SLOTS + 4
    assert publish(ring, *[b"more"] * SLOTS) == list(range(end, end + SLOTS))
    assert bytes(message(consumer, end)) == b"more"


def test_a_batch_ends_before_what_is_skipped_and_holds_it(place: Path, trust: bool) -> None:
    path = place / "ring"
    ring = a_ring(path, trust)
    consumer = ring.consumer("oldest")
    publish(ring, b"a", b"b")
    skip(path, FIRST + 4)
    publish(ring, b"c")
    before = consumer.recv_batch(8)
    assert isinstance(before, ringway.Batch) and (before.first_seq, len(before)) == (FIRST, 2)
    assert told(consumer) == ringway.Lagged(2)
    after = consumer.recv_batch(8)
    assert isinstance(after, ringway.Batch) and (after.first_seq, len(after)) == (FIRST + 4, 1)
    assert [bytes(one) for one in before] == [b"a", b"b"] and bytes(after[0]) == b"c"
    before.release()
    after.release()
    nothing(consumer)
    skip(path, FIRST + 5 + SLOTS)
    assert told(consumer) == ringway.Lagged(SLOTS)


def test_a_producer_in_python_begins_anywhere_and_skips(place: Path, trust: bool) -> None:
    path = place / "ring"
    ring = ringway.create(path, slots=SLOTS, first_seq=FIRST, trust_peers=trust)
    ringway.open_or_create(path, slots=SLOTS, first_seq=FIRST).close()
    for other in (None, 0):
        with pytest.raises(ringway.ConfigMismatch, match="first_seq"):
            ringway.open_or_create(path, slots=SLOTS, first_seq=other)
    consumer, producer = ring.consumer("oldest"), ring.producer()
    assert producer.publish(b"first") == FIRST
    producer.skip_to(FIRST + 3)
    assert producer.publish(b"next") == FIRST + 3
    with pytest.raises(ValueError, match=str(FIRST + 4)):
        producer.skip_to(FIRST + 3)
    # The consumer has released nothing.
    with pytest.raises(ringway.Full):
        producer.skip_to(FIRST + 1000, timeout=0)
    with pytest.raises(ringway.TimedOut):
        producer.skip_to(FIRST + 1000, timeout=0.001)
    assert producer.next_seq == FIRST + SLOTS
    first = message(consumer, FIRST)
    first.release()
    assert told(consumer) == ringway.Lagged(2)
    second = message(consumer, FIRST + 3)
    second.release()
    assert told(consumer) == ringway.Lagged(SLOTS - 4)
    producer.skip_to(FIRST + 1000)
    assert told(consumer) == ringway.Lagged(1000 - SLOTS)
    assert producer.publish(b"far") == FIRST + 1000
    message(consumer, FIRST + 1000).release()
    producer.close()
    assert isinstance(told(consumer), ringway.Closed)


def test_a_ring_that_counts_from_0_skips_nothing(place: Path) -> None:
    with ringway.create(place / "ring").producer() as producer, pytest.raises(ValueError, match="first_seq"):
        producer.skip_to(7)
    with pytest.raises(ringway.InvalidRing, match="first sequence"):
        ringway.create(place / "other", first_seq=2**62)
