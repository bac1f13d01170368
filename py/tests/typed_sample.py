"""A program as its author types it: mypy checks it, and a test runs it."""

import sys
from pathlib import Path
from typing import assert_type

import numpy as np

import ringway


def produce(path: Path) -> None:
    with ringway.open(path, dtype="f8") as ring, ring.producer(timeout=10.0) as producer:
        assert_type(producer.publish(np.float64(1.0)), int)
        producer.publish_batch(np.arange(4.0), timeout=1.0)
        with producer.claim() as claim:
            claim.numpy()[:] = 7.0
        producer.publish(b"\0" * 8, tag=1)


def consume(consumer: ringway.BestEffortReader | ringway.Consumer | ringway.Observer) -> float:
    total = 0.0
    while True:
        got = consumer.recv(timeout=10.0)
        match got:
            case ringway.Message():
                with got as message:
                    total += float(message.numpy()[0])
                    assert_type(message.tag, int)
                    assert_type(bytes(message), bytes)
                    assert_type(memoryview(message), memoryview)
            case ringway.Lagged(lost):
                assert_type(lost, int)
            case ringway.EpochChanged(epoch=epoch):
                assert_type(epoch, int)
            case ringway.ProducerLost() | ringway.Orphaned() | None:
                raise SystemExit("the producer is gone")
            case ringway.Closed():
                return total


def main() -> None:
    path = Path(sys.argv[1])
    with ringway.create(path, slots=16, dtype="f8") as ring, ring.consumer(start="oldest") as consumer:
        produce(path)
        batch = consumer.recv_batch(2)
        assert isinstance(batch, ringway.Batch)
        with batch:
            first = float(batch.numpy().sum())
        print(first + consume(consumer))
    try:
        ringway.open(path, dtype="f4")
    except ringway.TypeMismatch as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
