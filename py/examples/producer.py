"""Publishes a feed of samples: `producer.py PATH [--count N]`."""

import argparse
import time

import numpy as np

import ringway

SAMPLE = np.dtype([("time", "f8"), ("value", "f8")], align=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=2000.0, help="messages per second")
    arguments = parser.parse_args()
    rng = np.random.default_rng()
    with ringway.open_or_create(arguments.path, slots=4096, dtype=SAMPLE, name="example.Sample.v1") as ring:
        # The ring isn't closed before some reader is there to be told.
        with ring.producer(timeout=10.0) as producer:
            while not producer.consumer_count and not producer.closed and producer.next_seq == 0:
                time.sleep(0.01)
            for n in range(arguments.count):
                with producer.claim() as claim:
                    sample = claim.numpy()
                    sample["time"] = n / arguments.rate
                    sample["value"] = np.sin(n / 200) + rng.normal(0, 0.1)
                    del sample
                if n % 20 == 0:
                    time.sleep(20 / arguments.rate)


if __name__ == "__main__":
    main()
