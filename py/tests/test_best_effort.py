"""Best-effort readers: they gate while they keep up, and are told exactly what they lose."""

import asyncio

import pytest

import ringway


def test_a_best_effort_reader_that_keeps_up_gets_every_message(ring: ringway.Ring) -> None:
    with ring.best_effort_reader("oldest") as reader, ring.producer() as producer:
        producer.set_patience(None)
        producer.publish_batch([b"x"] * 16)
        with pytest.raises(ringway.Full):
            producer.publish(b"y", timeout=0)
        for n in range(40):
            message = reader.recv(timeout=60)
            assert isinstance(message, ringway.Message) and message.seq == n
            assert producer.publish(b"y", timeout=0) == n + 16
        assert (reader.received, reader.lost, reader.times_lagged, reader.lag) == (40, 0, 0, 16)
        (attached,) = ring.stats().consumers
        assert attached.is_best_effort and attached.lost == 0


@pytest.mark.parametrize("resume", ["oldest", "latest"])
def test_a_best_effort_reader_that_is_passed_over_is_told_exactly_what_it_lost(ring: ringway.Ring, resume: str) -> None:
    reader, producer = ring.best_effort_reader("oldest", resume=resume), ring.producer()  # type: ignore[arg-type]
    producer.set_patience("lap")
    for n in range(40):
        producer.publish(n.to_bytes(2, "little"), timeout=0)
    lagged = reader.recv(timeout=60)
    assert lagged == ringway.Lagged(reader.lost) and reader.lost == (32 if resume == "oldest" else 40)
    assert (reader.times_lagged, ring.stats().consumers[0].lost) == (1, reader.lost)
    producer.publish((40).to_bytes(2, "little"))
    producer.close()
    read = [int.from_bytes(bytes(message), "little") for message in reader if isinstance(message, ringway.Message)]
    assert read == list(range(reader.lost, 41))
    assert reader.received + reader.lost == reader.next_seq == 41


def test_a_best_effort_reader_takes_batches_and_waits_in_tasks(ring: ringway.Ring) -> None:
    with ring.best_effort_reader("oldest", wait=0.0) as reader, ring.producer() as producer:

        async def one() -> object:
            task = asyncio.create_task(reader.recv_async(timeout=60))
            await asyncio.sleep(0)
            producer.publish(b"first")
            return await task

        got = asyncio.run(one())
        assert isinstance(got, ringway.Message) and bytes(got) == b"first"
        producer.publish_batch([b"a", b"b", b"c"])
        batch = reader.recv_batch(2, timeout=60)
        assert isinstance(batch, ringway.Batch) and [bytes(view) for view in batch] == [b"a", b"b"]
        assert reader.recv_batch(8, timeout=None) is not None
        assert reader.recv(timeout=0) is None
        assert repr(reader) == "<ringway.BestEffortReader next_seq=4 lost=0>"
    assert reader.closed
    with pytest.raises(ringway.HandleClosed, match="this best-effort reader is closed"):
        reader.recv()


def test_a_producer_says_how_patient_it_is(ring: ringway.Ring) -> None:
    with ring.producer() as producer:
        assert producer.patience == 0.1
        for patience in (0.5, 0.0, "lap", None):
            producer.set_patience(patience)  # type: ignore[arg-type]
            assert producer.patience == patience
        for wrong in ("short", -1.0, float("nan"), b"lap"):
            with pytest.raises(ValueError, match="patience is .*expected seconds from 0 on"):
                producer.set_patience(wrong)  # type: ignore[arg-type]
        assert producer.patience is None
