"""Waiting: signals, threads, and producers in other processes."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import ringway
from conftest import in_thread
from test_messages import received

Program = Callable[..., "Popen[str]"]


@pytest.mark.parametrize(
    "wait", ["recv", "recv_batch", "loop", "best_effort", "observer", "publish", "claim", "held", "role", "open"]
)
def test_ctrl_c_ends_a_wait(ring: ringway.Ring, wait: str) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    held = []
    if wait in ("publish", "claim", "held"):
        producer.publish_batch([b"x"] * (15 if wait == "held" else 16))
    if wait == "held":
        held = [received(consumer) for _ in range(15)]
    calls: dict[str, Callable[[], object]] = {
        "recv": consumer.recv,
        "recv_batch": lambda: consumer.recv_batch(8),
        "loop": lambda: next(consumer),
        "best_effort": ring.best_effort_reader().recv,
        "observer": ring.observer().recv,
        "publish": lambda: producer.publish(b"y"),
        "claim": lambda: producer.claim(1),
        "held": consumer.recv,
        "role": lambda: ring.producer(timeout=None),
        "open": lambda: ringway.open(ring.path.parent / "none", timeout=None),
    }
    main = threading.get_ident()

    def interrupt() -> None:
        # One alone: a second could come after the wait. This one may come before it, which ends the test, too.
        time.sleep(0.02)
        signal.pthread_kill(main, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupter = in_thread(interrupt)
        calls[wait]()
    interrupter.join()
    del held
    # Nothing is lost by it.
    if wait in ("recv", "recv_batch", "loop"):
        producer.publish(b"there")
        assert bytes(received(consumer)) == b"there"


def test_another_thread_runs_while_one_waits(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    waiting = threading.Event()
    got = []

    def wait() -> None:
        waiting.set()
        got.append(received(consumer))

    thread = in_thread(wait)
    waiting.wait()
    # It can only be reached if the wait doesn't keep the GIL.
    producer.publish(b"from another thread")
    thread.join()
    assert bytes(got[0]) == b"from another thread"


def test_a_full_ring_lets_another_thread_make_room(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4)
    consumer, producer = ring.consumer("oldest"), ring.producer()

    def read() -> None:
        for n in range(2000):
            assert bytes(received(consumer)) == n.to_bytes(4, "little")

    thread = in_thread(read)
    for n in range(1000):
        producer.publish(n.to_bytes(4, "little"))
    producer.publish_batch([n.to_bytes(4, "little") for n in range(1000, 1990)])
    for n in range(1990, 2000):
        with producer.claim(4) as claim:
            memoryview(claim)[:] = n.to_bytes(4, "little")
    thread.join()
    assert consumer.lag == 0


def test_a_handle_that_another_thread_uses_is_an_error(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    thread = in_thread(lambda: [received(consumer) for _ in range(2)] and None)
    refused = 0
    while refused == 0:
        try:
            consumer.next_seq
        except ringway.HandleInUse as error:
            assert isinstance(error, RuntimeError) and "in use by another thread" in str(error)
            refused += 1
    with pytest.raises(ringway.HandleInUse):
        consumer.close()
    producer.publish_batch([b"a", b"b"])
    thread.join()
    assert consumer.next_seq == 2


def test_slots_that_die_while_the_consumer_waits_are_given_back(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4, trust_peers=True)
    consumer, producer = ring.consumer("oldest"), ring.producer()
    # The slots die at one moment of the wait and another, the very first among them.
    for _ in range(200):
        producer.publish_batch([b"x"] * 3)
        held = [received(consumer) for _ in range(3)]
        got: list[ringway.Message] = []
        thread = in_thread(lambda: got.append(received(consumer)))
        waits = False
        while not waits:
            try:
                consumer.next_seq
            except ringway.HandleInUse:
                waits = True
        assert producer.room == 1
        held.clear()
        while producer.room != 4:
            time.sleep(0)
        producer.publish(b"room")
        thread.join()
        assert bytes(got.pop()) == b"room"


def test_a_consumer_that_holds_every_slot_is_told_at_once(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4, trust_peers=True)
    consumer, producer = ring.consumer("oldest"), ring.producer()
    producer.publish_batch([b"x"] * 4)
    held = [received(consumer) for _ in range(4)]

    async def loop() -> None:
        async for _ in consumer:
            pass

    calls: list[Callable[[], object]] = [
        consumer.recv,
        lambda: consumer.recv(timeout=0),
        lambda: consumer.recv(timeout=1e9),
        lambda: consumer.recv_batch(8),
        lambda: next(consumer),
        lambda: asyncio.run(consumer.recv_async()),
        lambda: asyncio.run(consumer.recv_batch_async(8, timeout=1e9)),
        lambda: asyncio.run(loop()),
    ]
    for call in calls:
        with pytest.raises(ringway.AllHeld, match="holds all 4 slots of the ring.*release the oldest"):
            call()
    # It isn't the oldest: slots are given back in order.
    held.pop().release()
    with pytest.raises(ringway.AllHeld):
        consumer.recv()
    held.pop(0).release()
    producer.publish(b"room")
    assert bytes(received(consumer)) == b"room"
    # The end of the ring is told once there is room.
    again = ringway.create(place / "again", slots=4, trust_peers=True)
    with again.consumer("oldest") as reader, again.producer() as writer:
        writer.publish_batch([b"x"] * 4)
        batch = reader.recv_batch(4)
        assert isinstance(batch, ringway.Batch) and len(batch) == 4
        writer.close()
        with pytest.raises(ringway.AllHeld):
            reader.recv()
        batch.release()
        assert reader.recv() == ringway.Closed()


@pytest.mark.parametrize("timeout", [-1, -0.001, float("-inf"), float("nan")])
def test_a_timeout_that_is_no_time_is_refused_before_anything_is_done(ring: ringway.Ring, timeout: float) -> None:
    consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
    producer.publish(b"there")
    calls: list[Callable[[], object]] = [
        # None of these would wait.
        lambda: consumer.recv(timeout),
        lambda: consumer.recv_batch(8, timeout),
        lambda: consumer.recv_async(timeout),
        lambda: consumer.recv_batch_async(8, timeout),
        lambda: observer.recv(timeout),
        lambda: observer.recv_batch(8, timeout),
        lambda: producer.publish(b"x", timeout=timeout),
        lambda: producer.publish_batch([], timeout=timeout),
        lambda: producer.publish_batch([b"x"], timeout=timeout),
        lambda: producer.claim(1, timeout=timeout),
        lambda: ring.producer(timeout=timeout),
        lambda: ringway.open(ring.path, timeout=timeout),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="timeout is .*expected seconds from 0 on, or None"):
            call()
    assert producer.next_seq == 1 and bytes(received(consumer)) == b"there"


def test_a_standby_takes_the_role_once_it_is_free(ring: ringway.Ring) -> None:
    first, successors = ring.producer(), []
    thread = in_thread(lambda: successors.append(ring.producer(timeout=60)))
    with pytest.raises(ringway.ProducerTaken):
        ring.producer(timeout=0.01)
    first.publish(b"first")
    first.leave()
    thread.join()
    assert [successor.epoch for successor in successors] == [2] and successors[0].publish(b"second") == 1


def test_a_wait_may_be_a_number_of_seconds_to_poll_for(ring: ringway.Ring) -> None:
    with ring.consumer("oldest", wait=0.001) as consumer, ring.producer(wait=0) as producer:
        assert consumer.recv(timeout=0.01) is None
        producer.publish(b"there")
        assert bytes(received(consumer)) == b"there"
    for wait in ("sleep", -1, float("nan"), True):
        with pytest.raises(ValueError, match="wait is .*for how many seconds to poll"):
            ring.observer(wait=wait)  # type: ignore[arg-type]


def test_a_producer_that_defers_its_wake_ups_makes_them_when_it_is_told(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        assert not producer.deferred_wake
        producer.set_deferred_wake(True)
        assert producer.deferred_wake
        producer.publish(b"quiet")
        assert producer.wake() is False, "no reader sleeps"
        assert bytes(received(consumer)) == b"quiet"


PUBLISH = """
import ringway, sys
producer = ringway.open(sys.argv[1]).producer()
for n in range(int(sys.argv[2])):
    producer.publish(n.to_bytes(8, "little"), tag=n % 7)
if sys.argv[3] == "close":
    producer.close()
print("published", flush=True)
sys.stdin.readline()
"""


def test_a_producer_in_another_process_is_read_to_the_end(ring: ringway.Ring, program: Program) -> None:
    with ring.consumer("oldest") as consumer:
        process = program(PUBLISH, ring.path, 5000, "close")
        messages = ((m.seq, m.tag, int(m.numpy("u8")[0])) for m in consumer if isinstance(m, ringway.Message))
        assert all(message == (n, n % 7, n) for n, message in enumerate(messages))
        assert consumer.next_seq == 5000
        process.communicate("")


def test_an_observers_batch_ends_though_the_producer_goes_on(ring: ringway.Ring, program: Program) -> None:
    text = """
import ringway, sys
producer = ringway.open(sys.argv[1]).producer()
rows = b"x" * 8 * 8
while True:
    producer.publish_batch(memoryview(rows).cast("B", (8, 8)))
"""
    observer = ring.observer()
    program(text, ring.path)
    for _ in range(2000):
        got = observer.recv_batch(10**9, timeout=60)
        assert not isinstance(got, ringway.Batch) or len(got) <= ring.slots, "as many as the ring has, at most"


@pytest.mark.parametrize("held", [False, True])
def test_a_producer_that_is_killed_is_lost(ring: ringway.Ring, program: Program, held: bool) -> None:
    consumer = ring.consumer("oldest")
    process = program(PUBLISH, ring.path, 3, "leave open")
    kept = [received(consumer) for _ in range(3)] if held else [bytes(received(consumer)) for _ in range(3)]
    process.kill()
    process.wait()
    assert consumer.recv(timeout=60) == ringway.ProducerLost()
    del kept
    # It is told once.
    assert consumer.recv(timeout=0.3) is None
    with ring.producer() as producer:
        producer.publish(b"successor")
        assert bytes(received(consumer)) == b"successor"
        event = consumer.recv(timeout=60)
        assert event == ringway.EpochChanged(2, 3)


def test_a_reader_in_another_process_gets_everything(ring: ringway.Ring, program: Program) -> None:
    text = """
import ringway, sys
with ringway.open(sys.argv[1], trust_peers=True).consumer("oldest") as consumer:
    print("there", flush=True)
    print(sum(int(m.numpy("u8")[0]) for m in consumer if isinstance(m, ringway.Message)), flush=True)
"""
    process = program(text, ring.path)
    assert process.stdout is not None and process.stdout.readline() == "there\n"
    with ring.producer() as producer:
        for n in range(3000):
            producer.publish(n.to_bytes(8, "little"))
    assert process.communicate()[0] == f"{sum(range(3000))}\n"


def test_a_waiting_consumer_takes_no_processor_time(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    before = time.process_time()
    assert consumer.recv(timeout=1.0) is None
    assert time.process_time() - before < 0.5
    producer.close()
    os.sched_yield()
