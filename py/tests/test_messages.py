"""What a message is worth, before and after its release."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import ringway


def received(consumer: ringway.Consumer) -> ringway.Message:
    message = consumer.recv(timeout=60)
    assert isinstance(message, ringway.Message), message
    return message


def test_a_message_has_the_bytes_the_sequence_and_the_tag_of_what_was_published(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        assert producer.publish(b"hello", tag=7) == 0
        assert producer.publish(bytearray(b"there")) == 1
        assert producer.publish(memoryview(b"")) == 2
        with received(consumer) as message:
            assert (message.seq, message.tag, len(message)) == (0, 7, 5)
            assert bytes(message) == b"hello" and memoryview(message) == b"hello"
            assert message.numpy().tobytes() == b"hello"
        assert bytes(received(consumer)) == b"there"
        empty = received(consumer)
        assert len(empty) == 0 and bytes(empty) == b"" and empty.numpy("f8").shape == (0,)
        assert empty, "a message without bytes is a message"
        assert consumer.recv(timeout=0) is None


def test_views_are_as_long_as_their_message_not_as_its_slot(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        for length in (48, 3, 0, 17):
            producer.publish(b"x" * length)
            message = received(consumer)
            assert memoryview(message).nbytes == len(message) == message.numpy().nbytes == length
        producer.publish_batch([b"abc"] * 4)
        batch = consumer.recv_batch(4)
        assert isinstance(batch, ringway.Batch)
        assert batch.numpy().shape == (4, 3) and batch[3] == b"abc"


def test_views_are_read_only(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish_batch([b"12345678"] * 3)
        message = received(consumer)
        assert memoryview(message).readonly and not message.numpy("u8").flags.writeable
        with pytest.raises(ValueError):
            message.numpy("u8").setflags(write=True)
        batch = consumer.recv_batch(2)
        assert isinstance(batch, ringway.Batch)
        assert batch[0].readonly and not batch.numpy("u8").flags.writeable


def test_a_release_with_live_views_is_refused_and_changes_nothing(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish(b"12345678")
        message = received(consumer)
        for view in (memoryview, lambda m: m.numpy(), lambda m: m.numpy("u8")[:], lambda m: memoryview(m)[2:],
                     lambda m: np.ndarray((8,), "u1", memoryview(m)), lambda m: np.asarray(memoryview(m))):
            alive = view(message)
            with pytest.raises(BufferError, match="1 view is alive"):
                message.release()
            assert not message.released and bytes(message) == b"12345678"
            del alive
        message.release()
        assert message.released


def test_a_released_message_is_out_of_reach(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish_batch([b"one", b"two"])
        with received(consumer) as message:
            pass
        for reach in (bytes, memoryview, lambda m: m.numpy(), lambda m: np.frombuffer(m, "u1")):
            with pytest.raises(ringway.Released, match="was released"):
                reach(message)
        assert (message.seq, len(message)) == (0, 3) and "released" in repr(message)
        message.release()
        batch = consumer.recv_batch(5)
        assert isinstance(batch, ringway.Batch)
        batch.release()
        for again in (lambda b: b[0], lambda b: b.numpy(), list):
            with pytest.raises(ringway.Released):
                again(batch)


def test_a_slot_is_given_back_when_its_last_view_dies(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4, trust_peers=True)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish(b"12345678")
        with received(consumer) as message:
            array, part = message.numpy("u4"), memoryview(message)[4:]
        assert consumer.next_seq == 0
        del array, message
        assert consumer.next_seq == 0 and part == b"5678"
        del part
        assert consumer.next_seq == 1
        # Slots go in order: the second stays until the first has gone.
        producer.publish_batch([b"a", b"b", b"c"])
        first, second, third = (received(consumer) for _ in range(3))
        second.release()
        assert consumer.next_seq == 1
        first.release()
        assert consumer.next_seq == 3
        del third
        assert consumer.next_seq == 4


def test_an_array_that_took_no_export_keeps_its_slot(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4, trust_peers=True)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish(b"12345678")
        message = received(consumer)
        array = np.ndarray((8,), "u1", buffer=message)
        message.release()
        del message
        gc.collect()
        producer.publish_batch([b"x" * 8] * 3)
        with pytest.raises(ringway.Full):
            producer.publish(b"overwrites", timeout=0)
        assert array.tobytes() == b"12345678"
        del array
        assert consumer.next_seq == 1
        producer.publish(b"there", timeout=0)


def test_a_view_outlives_its_message_its_consumer_and_its_ring(ring: ringway.Ring, trust: bool) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    producer.publish_batch([b"12345678"] * 4)
    message, batch = received(consumer), consumer.recv_batch(3)
    assert isinstance(batch, ringway.Batch)
    views = [message.numpy("u8"), np.frombuffer(message, "u8"), batch.numpy("u8")]
    views += [np.ndarray(1, "u8", message), np.ndarray(1, "u8", memoryview(message))]
    raw = memoryview(message)
    gone = weakref.ref(message)
    consumer.close()
    with pytest.raises(ringway.HandleClosed):
        consumer.recv(timeout=0)
    ring.close()
    producer.close()
    del message, batch, consumer, producer
    gc.collect()
    assert gone() is not None, "np.ndarray(buffer=message) keeps it"
    assert raw == b"12345678" and all((view == int.from_bytes(b"12345678", "little")).all() for view in views)


def test_a_closed_consumer_leaves_the_ring_when_its_last_view_dies(place: Path) -> None:
    ring = ringway.create(place / "ring", trust_peers=True)
    consumer, producer = ring.consumer("oldest"), ring.producer()
    producer.publish(b"hello")
    view = memoryview(received(consumer))
    consumer.close()
    assert producer.consumer_count == 1
    view.release()
    assert producer.consumer_count == 0


def test_copies_don_t_hold_the_producer_back(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=2)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        kept = []
        for n in range(100):
            producer.publish(bytes([n]), timeout=0)
            kept.append(received(consumer))
        assert [message.numpy()[0] for message in kept] == list(range(100))


def test_a_length_that_a_dtype_doesn_t_take_is_an_error(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish_batch([b"123456789", b"12345678", b"1234"])
        with pytest.raises(ringway.WrongLength, match="message 0 has 9 bytes, dtype uint64 takes a multiple of 8"):
            received(consumer).numpy("u8")
        batch = consumer.recv_batch(8)
        assert isinstance(batch, ringway.Batch)
        with pytest.raises(ringway.WrongLength, match="message 2 has 4 bytes, the first of the batch 8"):
            batch.numpy()
        assert [bytes(view) for view in batch] == [b"12345678", b"1234"]


def test_batches_are_one_strided_array_cut_at_the_wrap(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=8, dtype="u8", trust_peers=True)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        seen = []
        for start in range(0, 60, 5):
            producer.publish_batch(np.arange(start, start + 5, dtype="u8"))
            while isinstance(batch := consumer.recv_batch(5, timeout=0), ringway.Batch):
                with batch:
                    array = batch.numpy()
                    assert array.shape == (len(batch),) and (array.strides == (64,) or len(batch) == 1)
                    assert batch.first_seq % 8 + len(batch) <= 8
                    seen += array.tolist()
                del array
        assert seen == list(range(60))


def test_batches_of_a_typed_ring_have_its_shape(ring: ringway.Ring, trust: bool, place: Path) -> None:
    fields = np.dtype([("price", "f8"), ("quantity", "u4"), ("venue", "u4")], align=True)
    quotes = ringway.create(place / "quotes", dtype=fields, name="example.Quote.v1", trust_peers=trust)
    values = np.array([(1.5, 2, 3), (2.5, 4, 5)], dtype=fields)
    with quotes.consumer("oldest") as consumer, quotes.producer() as producer:
        assert producer.publish_batch(values) == 2
        producer.publish(values[0])
        with producer.claim() as claim:
            claim.numpy()["price"] = 7
        batch = consumer.recv_batch(2)
        assert isinstance(batch, ringway.Batch)
        assert (batch.numpy() == values).all() and batch.numpy().dtype == fields
        assert received(consumer).numpy()[0] == values[0]
        assert received(consumer).numpy()["price"] == [7.0]


def test_reprs_say_what_an_object_is(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish(b"hello", tag=3)
        message = received(consumer)
        assert repr(message) == "<ringway.Message seq=0 tag=3 len=5>"
        assert "slots=16" in repr(ring) and repr(producer) == "<ringway.Producer next_seq=1>"
        assert repr(consumer).startswith("<ringway.Consumer cell=0 next_seq=")
        assert repr(producer.claim(4)) == "<ringway.Claim len=4 tag=0>"
        assert repr(ring.observer()) == "<ringway.Observer next_seq=1 lost=0>"
    assert repr(ringway.Lagged(3)) == "Lagged(lost=3)"
