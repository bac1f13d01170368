"""Readers in asyncio: the event loop waits, nothing is lost, and no thread is busy."""

import asyncio
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import ringway
from conftest import in_thread

CANCELLATIONS = int(os.environ.get("RINGWAY_CANCELLATIONS", "20000"))
RINGS = 50

FEED = """
import ringway, sys
producers = [ringway.open(path).producer() for path in sys.argv[2:]]
for n in range(int(sys.argv[1])):
    for producer in producers:
        producer.publish(n.to_bytes(8, "little"))
for producer in producers:
    producer.close()
"""


def test_async_for_gets_everything_until_the_ring_is_closed(ring: ringway.Ring) -> None:
    async def main() -> list[int]:
        consumer, producer = ring.consumer("oldest"), ring.producer()

        def publish() -> None:
            for n in range(2000):
                producer.publish(n.to_bytes(8, "little"))
            producer.close()

        thread = in_thread(publish)
        seen = []
        async for message in consumer:
            assert isinstance(message, ringway.Message)
            seen.append(int(message.numpy("u8")[0]))
        thread.join()
        consumer.close()
        return seen

    assert asyncio.run(main()) == list(range(2000))


def test_fifty_rings_on_one_loop_lose_nothing(
    place: Path, trust: bool, program: Callable[..., "Popen[str]"]
) -> None:
    paths = [place / f"{n}" for n in range(RINGS)]
    rings = [ringway.create(path, slots=64, trust_peers=trust) for path in paths]

    async def read(consumer: ringway.Consumer) -> int:
        expected = 0
        async for message in consumer:
            assert isinstance(message, ringway.Message) and int(message.numpy("u8")[0]) == expected
            expected += 1
        return expected

    async def main() -> list[int]:
        tasks = [asyncio.create_task(read(ring.consumer("oldest"))) for ring in rings]
        await asyncio.sleep(0)
        program(FEED, 300, *paths)
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [300] * RINGS


def test_fifty_rings_that_are_waited_for_keep_no_thread_busy(place: Path) -> None:
    rings = [ringway.create(place / f"{n}") for n in range(RINGS)]
    producers = [ring.producer() for ring in rings]

    async def main() -> float:
        tasks = [asyncio.create_task(ring.consumer("oldest").recv_async()) for ring in rings]
        await asyncio.sleep(0.1)
        # Of all threads of the process: also of the one that sleeps for the rings.
        before = time.process_time()
        await asyncio.sleep(2.0)
        used = time.process_time() - before
        for producer in producers:
            producer.publish(b"there")
        messages = await asyncio.gather(*tasks)
        assert all(isinstance(message, ringway.Message) for message in messages)
        return used

    used = asyncio.run(main())
    print(f"{RINGS} rings, 2 s of waiting: {used * 1000:.0f} ms of processor time")
    assert used < 1.0, "a busy thread would have taken 2 s"


def test_cancellations_lose_nothing(ring: ringway.Ring) -> None:
    async def main() -> int:
        consumer, producer = ring.consumer("oldest"), ring.producer()
        received = cancelled = published = 0
        while cancelled < CANCELLATIONS:
            task = asyncio.create_task(consumer.recv_async())
            await asyncio.sleep(0)
            if cancelled % 3 == 0 and published - received < 8:
                producer.publish(published.to_bytes(8, "little"))
                published += 1
            if cancelled % 5 == 0:
                await asyncio.sleep(0)
            task.cancel()
            try:
                message = await task
                assert isinstance(message, ringway.Message) and int(message.numpy("u8")[0]) == received
                received += 1
            except asyncio.CancelledError:
                pass
            cancelled += 1
        producer.close()
        async for rest in consumer:
            assert isinstance(rest, ringway.Message) and int(rest.numpy("u8")[0]) == received
            received += 1
        assert received == published > 0
        return received

    asyncio.run(main())


def test_a_time_out_is_none_and_an_event_an_event(ring: ringway.Ring) -> None:
    async def main() -> None:
        consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
        assert await consumer.recv_async(timeout=0.01) is None
        assert await observer.recv_batch_async(4, timeout=0.01) is None
        producer.publish_batch([b"a", b"b"])
        batch = await observer.recv_batch_async(4)
        assert isinstance(batch, ringway.Batch) and len(batch) == 2
        batch = await consumer.recv_batch_async(4)
        assert isinstance(batch, ringway.Batch) and len(batch) == 2
        producer.leave()
        assert await consumer.recv_async() == ringway.ProducerLost()
        assert await observer.recv_async() == ringway.ProducerLost()

    asyncio.run(main())


def test_two_tasks_can_t_wait_for_one_reader(ring: ringway.Ring) -> None:
    async def main() -> None:
        consumer = ring.consumer()
        task = asyncio.create_task(consumer.recv_async())
        await asyncio.sleep(0.01)
        with pytest.raises(ringway.HandleInUse, match="another task"):
            await consumer.recv_async()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await consumer.recv_async(timeout=0.01) is None

    asyncio.run(main())


def test_closing_a_reader_ends_its_task_and_no_other_s(ring: ringway.Ring) -> None:
    async def main() -> None:
        closed, producer = ring.consumer(), ring.producer()
        ended = asyncio.create_task(closed.recv_async())
        await asyncio.sleep(0)
        number = closed.fileno()
        closed.close()
        # Its descriptor's number is the next reader's.
        other = ring.consumer()
        assert other.fileno() == number
        task = asyncio.create_task(other.recv_async())
        with pytest.raises(ringway.HandleClosed):
            await asyncio.wait_for(ended, 30)
        producer.publish(b"here")
        message = await asyncio.wait_for(task, 30)
        assert isinstance(message, ringway.Message) and bytes(message) == b"here"

    asyncio.run(main())


def test_a_reader_that_is_always_ready_doesn_t_stop_the_others(ring: ringway.Ring) -> None:
    async def main() -> None:
        consumer, producer = ring.consumer("oldest"), ring.producer()
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(2000):
            producer.publish(b"x")
            await consumer.recv_async()
        assert turns >= 10
        task.cancel()

    asyncio.run(main())


def test_the_descriptor_is_readable_until_nothing_is_there(ring: ringway.Ring) -> None:
    consumer, producer = ring.consumer("oldest"), ring.producer()
    poll = select.poll()
    poll.register(consumer.fileno(), select.POLLIN)
    assert consumer.fileno() == consumer.fileno()
    for _ in range(100):
        while consumer.recv(timeout=0) is not None:
            pass
        producer.publish_batch([b"a", b"b"])
        assert poll.poll(60_000)
        assert consumer.recv(timeout=0) and poll.poll(0), "one more is there"
        # A message that is held doesn't make it readable for good.
        held = consumer.recv(timeout=0)
        while poll.poll(0):
            assert consumer.recv(timeout=0) is None
        del held
