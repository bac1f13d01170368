"""Children: forked ones are refused, spawned ones open the ring anew."""

import multiprocessing
import os
import select
from pathlib import Path

import numpy as np
import pytest

import ringway
from conftest import in_child, in_thread
from test_messages import received


def test_a_forked_child_is_refused_and_its_parent_goes_on(ring: ringway.Ring) -> None:
    consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
    producer.publish_batch([b"one", b"two"])
    message = received(consumer)
    descriptor = consumer.fileno()

    def child() -> None:
        for ask in (
            consumer.fileno, observer.fileno,
            lambda: consumer.recv(timeout=0), lambda: consumer.recv_batch(2, timeout=0), lambda: observer.recv(timeout=0),
            lambda: producer.publish(b"no"), lambda: producer.claim(1), lambda: producer.publish_batch([b"no"]),
            lambda: consumer.lag, lambda: observer.lag, lambda: producer.room,
        ):
            with pytest.raises(ringway.Forked, match="made before a fork"):
                ask()
        # The ring itself can be used: roles are taken anew.
        with ring.consumer("oldest") as own:
            assert bytes(received(own)) == b"one"
        consumer.close()
        producer.leave()

    assert in_child(child) == 0
    assert consumer.fileno() == descriptor
    assert bytes(message) == b"one" and bytes(received(consumer)) == b"two"
    producer.publish(b"three")
    assert bytes(received(consumer)) == b"three"


def test_a_forked_child_leaves_its_parent_s_descriptors_alone(ring: ringway.Ring) -> None:
    consumer, others = ring.consumer("oldest"), [ring.consumer("oldest"), ring.consumer("oldest")]
    ready, *unready = consumer.fileno(), *(other.fileno() for other in others)
    for descriptor in unready:
        os.read(descriptor, 8)

    def child() -> None:
        with pytest.raises(ringway.Forked):
            consumer.recv(timeout=0)
        others[0].close()
        # The child's copies of the objects go, as at its end.
        others.clear()

    assert in_child(child) == 0
    assert select.select([ready, *unready], [], [], 0)[0] == [ready]


def test_messages_of_the_parent_are_out_of_a_child_s_reach(place: Path) -> None:
    ring = ringway.create(place / "ring", trust_peers=True)
    consumer, producer = ring.consumer("oldest"), ring.producer()
    producer.publish_batch([b"12345678", b"abcdefgh"])
    message, fresh = received(consumer), received(consumer)
    array = message.numpy()
    claim = producer.claim(8)
    written = claim.numpy()
    written[:] = 7

    def child() -> None:
        for each in (message, fresh):
            for reach in (bytes, memoryview, lambda m: m.numpy()):
                with pytest.raises(ringway.Forked):
                    reach(each)
        with pytest.raises(ringway.Forked):
            message.release()
        for ask in (lambda: memoryview(claim), lambda: producer.publish(b"no"), lambda: producer.claim(8)):
            with pytest.raises(ringway.Forked):
                ask()
        # Views that were there before have nothing to show, and are no crash.
        assert array.tolist() == [0] * 8 and written.tolist() == [0] * 8
        written[:] = 9

    assert in_child(child) == 0
    assert array.tobytes() == b"12345678" and written.tolist() == [7] * 8
    del written
    claim.commit()
    assert received(consumer).numpy().tolist() == [7] * 8


def test_a_child_forked_while_a_thread_waits_is_refused(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    thread = in_thread(lambda: received(consumer) and None)
    in_use = False
    while not in_use:
        try:
            consumer.next_seq
        except ringway.HandleInUse:
            in_use = True

    def child() -> None:
        with pytest.raises(ringway.Forked):
            consumer.recv(timeout=0)

    assert in_child(child) == 0
    producer.publish(b"x")
    thread.join()


def publish(path: Path, first: int, count: int) -> None:
    with ringway.open(path, dtype="u8").producer() as producer:
        producer.publish_batch(np.arange(first, first + count, dtype="u8"))


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing_with_every_start_method(place: Path, method: str) -> None:
    ring = ringway.create(place / "ring", dtype="u8")
    with ring.consumer("oldest") as consumer:
        process = multiprocessing.get_context(method).Process(target=publish, args=(place / "ring", 5, 100))
        process.start()
        values = [int(message.numpy()[0]) for message in consumer if isinstance(message, ringway.Message)]
        process.join()
        assert process.exitcode == 0 and values == list(range(5, 105))


def test_handles_aren_t_pickled(ring: ringway.Ring) -> None:
    import pickle

    for handle in (ring, ring.consumer(), ring.producer()):
        with pytest.raises(TypeError):
            pickle.dumps(handle)
    assert os.getpid()
