"""Nothing is kept for good: memory, descriptors and mappings, however often a call is made."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

import ringway

ROUNDS = int(os.environ.get("RINGWAY_LEAK_LOOP", "100000"))
PAGE = resource.getpagesize()
ALLOWED = 4 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def grows(work: Callable[[], None], times: int) -> int:
    """By how many bytes the process grows while it works, after it has worked for a while."""
    for _ in range(min(times, 10_000)):
        work()
    before = resident()
    for _ in range(times):
        work()
    return resident() - before


def test_messages_views_and_claims_leave_nothing(ring: ringway.Ring) -> None:
    consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
    payload = b"x" * 48

    def work() -> None:
        producer.publish(payload)
        with consumer.recv() as message:  # type: ignore[union-attr]
            array = message.numpy("u8")  # type: ignore[union-attr]
            view = memoryview(message)  # type: ignore[arg-type]
        del array, view
        with producer.claim(48) as claim:
            claim.numpy()[:] = 1
        consumer.recv_batch(4).numpy()  # type: ignore[union-attr]
        observer.recv_batch(4)
        consumer.recv(timeout=0)

    assert grows(work, ROUNDS) < ALLOWED


def test_errors_leave_nothing(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    producer.publish_batch([b"123"] * 16)
    message = consumer.recv()
    assert isinstance(message, ringway.Message)

    def work() -> None:
        with pytest.raises(ringway.TimedOut):
            for _ in range(17):
                producer.publish(b"x", timeout=0)
        with pytest.raises(ringway.WrongLength):
            message.numpy("u8")
        alive = memoryview(message)
        with pytest.raises(BufferError):
            message.release()
        del alive

    assert grows(work, ROUNDS // 10) < ALLOWED


def test_roles_leave_no_descriptor_and_no_mapping(ring: ringway.Ring) -> None:
    def count() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(Path("/proc/self/maps").read_text().splitlines())

    def work() -> None:
        with ring.consumer() as consumer, ring.observer() as observer, ring.producer() as producer:
            assert consumer.fileno() != observer.fileno()
            producer.publish(b"x")
            assert isinstance(consumer.recv(), ringway.Message)
            while consumer.recv(timeout=0) is not None:
                pass

    for _ in range(20):
        work()
    before = count()
    for _ in range(300):
        work()
    after = count()
    # What a round kept would be there 300 times. The thread that waits for descriptors closes the last ones a moment
    # later, and the allocator maps now and then.
    assert after[0] < before[0] + 30 and after[1] < before[1] + 30
