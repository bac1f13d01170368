"""Reads a feed to its end, batch by batch, and prints its mean: `consumer.py PATH`."""

import sys

import numpy as np

import ringway

SAMPLE = np.dtype([("time", "f8"), ("value", "f8")], align=True)


def main() -> None:
    path = sys.argv[1]
    count, total = 0, 0.0
    with (
        ringway.open_or_create(path, slots=4096, dtype=SAMPLE, name="example.Sample.v1") as ring,
        ring.consumer(start="oldest") as consumer,
    ):
        while True:
            match consumer.recv_batch(256, timeout=60.0):
                case ringway.Batch() as batch:
                    with batch:
                        count += len(batch)
                        total += float(batch.numpy()["value"].sum())
                case ringway.Closed():
                    break
                case ringway.EpochChanged() | ringway.ProducerLost() as event:
                    print(event, file=sys.stderr)
                case None:
                    raise SystemExit("nothing came for a minute: does the producer run?")
    print(f"{count} messages, mean {total / max(count, 1):.4f}")


if __name__ == "__main__":
    main()
