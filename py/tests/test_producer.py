"""Publishing, claims and room."""

from array import array
from pathlib import Path

import numpy as np
import pytest

import ringway
from test_messages import received


def test_a_claim_is_published_by_a_clean_exit_and_abandoned_by_an_exception(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        with producer.claim(16, tag=5) as claim:
            claim.numpy("f4")[:] = [1, 2, 3, 4]
        message = received(consumer)
        assert (message.seq, message.tag) == (0, 5) and message.numpy("f4").tolist() == [1, 2, 3, 4]
        with pytest.raises(ZeroDivisionError), producer.claim(16) as claim:
            claim.numpy()[:] = 1 // 0
        assert consumer.recv(timeout=0) is None
        with producer.claim(16) as claim:
            memoryview(claim)[:4] = b"some"
            assert claim.commit(4) == 1
        assert bytes(received(consumer)) == b"some"
        with producer.claim(16) as claim:
            claim.abandon()
        assert consumer.recv(timeout=0) is None and producer.next_seq == 2


def test_a_commit_with_live_views_is_refused_and_publishes_nothing(ring: ringway.Ring, trust: bool) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        with pytest.raises(BufferError, match="the claim: 1 view is alive"), producer.claim(8) as claim:
            array = claim.numpy("u8")
        assert consumer.recv(timeout=0) is None
        if trust:
            # The array leads into the slot, in which nothing may be published while it lives.
            for publish in (lambda: producer.publish(b"x"), lambda: producer.claim(1), producer.close):
                with pytest.raises(ringway.ClaimOpen):
                    publish()
        array[:] = 7
        del array
        producer.publish(b"fine")
        assert bytes(received(consumer)) == b"fine"


def test_no_array_reaches_a_claim_that_is_over(ring: ringway.Ring) -> None:
    with ring.producer() as producer:
        with producer.claim(8) as claim:
            with pytest.raises(ringway.ClaimOpen):
                producer.publish(b"between")
            with pytest.raises((BufferError, TypeError)):
                np.ndarray((8,), "u1", buffer=claim)
        for reach in (memoryview, lambda c: c.numpy(), lambda c: c.commit()):
            with pytest.raises(ringway.Released):
                reach(claim)
        claim.abandon()
        # An array without an export is seen, too.
        with producer.claim(8) as claim:
            array = np.ndarray((8,), "u1", buffer=memoryview(claim))
            with pytest.raises(BufferError):
                claim.commit()
        del array


def test_a_view_of_a_claim_outlives_its_producer(ring: ringway.Ring, trust: bool) -> None:
    producer = ring.producer()
    claim = producer.claim(8)
    array = claim.numpy()
    producer.leave()
    claim.abandon()
    del producer, claim
    array[:] = 1
    if trust:
        with pytest.raises(ringway.ProducerTaken):
            ring.producer()
    del array
    ring.producer().close()


def test_a_claim_of_a_producer_that_left_is_refused(ring: ringway.Ring) -> None:
    producer = ring.producer()
    claim = producer.claim(8)
    producer.leave()
    assert claim.commit() == 0
    with pytest.raises(ringway.HandleClosed):
        producer.publish(b"late")


def test_a_full_ring_refuses_at_once_or_when_the_time_is_up(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        assert producer.publish_batch(list(b"abcd" [n:n + 1] for n in range(4))) == 4
        with pytest.raises(ringway.Full, match="4 messages behind"):
            producer.publish(b"e", timeout=0)
        with pytest.raises(ringway.TimedOut, match="the time was up"):
            producer.publish(b"e", timeout=0.01)
        with pytest.raises(TimeoutError):
            producer.claim(1, timeout=0.01)
        assert len(consumer.recv_batch(2) or ()) == 2
        with pytest.raises(ringway.TimedOut) as refused:
            producer.publish_batch([b"e", b"f", b"g"], timeout=0.01)
        assert refused.value.published == 2
        assert producer.room == 0


def test_a_batch_is_the_rows_of_an_array_or_the_items_of_a_list(ring: ringway.Ring) -> None:
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        rows = np.arange(12, dtype="u4").reshape(3, 4)
        assert producer.publish_batch(rows) == 3
        assert producer.publish_batch([b"1234", bytearray(b"12"), rows[0]], tag=9) == 3
        assert producer.publish_batch(bytes([n]) for n in range(3)) == 3
        assert producer.publish_batch([]) == 0
        batch = consumer.recv_batch(3)
        assert isinstance(batch, ringway.Batch) and (batch.numpy("u4") == rows).all()
        rest = consumer.recv_batch(16)
        assert isinstance(rest, ringway.Batch) and rest.tags == (9, 9, 9, 0, 0, 0)
        assert [len(view) for view in rest] == [4, 2, 16, 1, 1, 1]
        for wrong in (b"bytes", "text", np.uint8(1)):
            with pytest.raises(TypeError):
                producer.publish_batch(wrong)
        with pytest.raises((ValueError, BufferError)):
            producer.publish_batch(rows[:, ::2])


def test_values_of_another_dtype_than_the_ring_s_are_refused(place: Path, trust: bool) -> None:
    ring = ringway.create(place / "ring", slots=16, dtype="f8", trust_peers=trust)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        for wrong in (
            np.arange(1), np.int64(1), np.arange(1, dtype=">f8"), np.zeros(8, "u1"), np.zeros(1, "V8"), np.zeros(2, "f4"),
            np.zeros(1, [("price", "f8")]), array("q", [1]), memoryview(np.arange(1)),
        ):
            with pytest.raises(ringway.TypeMismatch, match=r"expected float64: convert .* \.astype\(ring\.dtype\)"):
                producer.publish(wrong)
            with pytest.raises(ringway.TypeMismatch):
                producer.publish_batch([np.float64(0), wrong])
        with pytest.raises(ringway.TypeMismatch, match="dtype int64, expected float64"):
            producer.publish_batch(np.arange(4))
        for dtype in (">f8", "u8", "u1", "f4"):
            with pytest.raises(ringway.TypeMismatch, match="expected float64"), producer.claim() as claim:
                claim.numpy(dtype)
        assert producer.next_seq == 0
        raw = np.float64(1.5).tobytes()
        fitting = [
            np.float64(1.5), np.full(1, 1.5), np.full((), 1.5), raw, bytearray(raw), memoryview(raw), memoryview(raw).cast("b"),
            memoryview(raw).cast("c"), np.frombuffer(raw, "u1").data, array("d", [1.5]), np.bytes_(raw),
        ]
        assert producer.publish_batch(fitting) == len(fitting)
        batch = consumer.recv_batch(16)
        assert isinstance(batch, ringway.Batch) and batch.numpy().tolist() == [1.5] * len(fitting)
        with producer.claim() as claim:
            claim.numpy(np.float64)[:] = 2
        with producer.claim() as claim:
            memoryview(claim)[:] = raw


def test_a_struct_s_fields_are_those_of_the_ring(place: Path) -> None:
    fields = [("price", "f8"), ("quantity", "u4"), ("venue", "u4")]
    quote = np.dtype(fields, align=True)
    ring = ringway.create(place / "ring", slots=16, dtype=quote, name="example.Quote.v1")
    ring_of_rows = ringway.create(place / "rows", slots=16, dtype=("f4", (2, 2)), name="example.Rows.v1")
    with ring.producer() as producer:
        renamed = np.zeros(2, [("bid", "f8"), ("quantity", "u4"), ("venue", "u4")])
        for wrong in (renamed[0], renamed[:1], np.zeros(2, "f8"), np.zeros((1, 2), "f8")):
            with pytest.raises(ringway.TypeMismatch, match="price"):
                producer.publish(wrong)
        with pytest.raises(ringway.TypeMismatch):
            producer.publish_batch(renamed)
        assert producer.publish_batch(renamed.astype(ring.dtype)) == 2
        values = np.zeros(2, fields)
        assert producer.publish_batch(values) == 2 and producer.publish(values[0]) == 4
        assert producer.publish(values.view(np.recarray)[:1]) == 5
    with ring_of_rows.producer() as producer:
        assert producer.publish(np.zeros((2, 2), "f4")) == 0
        assert producer.publish_batch(np.zeros((3, 2, 2), "f4")) == 3
        with pytest.raises(ringway.TypeMismatch):
            producer.publish(np.zeros((2, 2), "i4"))


def test_what_can_t_be_published_is_refused(ring: ringway.Ring) -> None:
    with ring.producer() as producer:
        with pytest.raises(ringway.TooLong, match="message of 49 bytes: this ring's slots hold 48"):
            producer.publish(bytes(49))
        with pytest.raises(TypeError, match="str"):
            producer.publish("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a message is of type int, .*: pass bytes, or np.asarray"):
            producer.publish(7)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a message is of type float"):
            producer.publish_batch([1.5])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="a batch is of type float"):
            producer.publish_batch(1.5)  # type: ignore[arg-type]
        for publish in (producer.publish, producer.publish_batch):
            with pytest.raises(ValueError, match=r"not C-contiguous: pass np.ascontiguousarray\(x\)"):
                publish(np.zeros((4, 4))[:, ::2])
        with pytest.raises(BufferError, match="pass .* bytes"):
            producer.publish(memoryview(b"abcd")[::2])
        with pytest.raises(TypeError, match="without a length"):
            producer.claim()
        for timeout in (-1, float("nan")):
            with pytest.raises(ValueError, match="expected seconds"):
                ring.consumer().recv(timeout=timeout)
        producer.close()
        with pytest.raises(ringway.HandleClosed):
            producer.publish(b"late")


def test_a_with_block_closes_the_ring_unless_an_exception_ends_it(ring: ringway.Ring) -> None:
    consumer = ring.consumer("oldest")
    with pytest.raises(ZeroDivisionError), ring.producer() as producer:
        producer.publish(b"one")
        1 // 0
    assert bytes(received(consumer)) == b"one"
    assert consumer.recv(timeout=60) == ringway.ProducerLost()
    with ring.producer() as producer:
        producer.publish(b"two")
    assert bytes(received(consumer)) == b"two"
    assert consumer.recv(timeout=60) in (ringway.EpochChanged(2, 1), ringway.Closed())


def test_one_producer_at_a_time(ring: ringway.Ring) -> None:
    with ring.producer():
        with pytest.raises(ringway.ProducerTaken):
            ring.producer()
        with pytest.raises(ringway.ProducerTaken):
            ring.producer(timeout=0.01)
    ring.producer().close()


def test_addresses_of_python_objects_are_refused(place: Path) -> None:
    producer = ringway.create(place / "ring", payload_capacity=64).producer()
    named = np.zeros(1, dtype=[("Open", "f8"), ("O", "i4")])
    assert producer.publish(named) == 0
    for array in (np.array([object()]), np.zeros(1, dtype=[("a", "f8"), ("b", "O")])):
        with pytest.raises(TypeError, match="Python objects in it"):
            producer.publish(array)
        with pytest.raises(TypeError, match="Python objects in it"):
            producer.publish_batch(array)
    assert producer.next_seq == 1
