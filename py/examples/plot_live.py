"""Plots a live feed: `plot_live.py PATH`. In a window with matplotlib, else as text.

It is an observer: it slows nobody, however slow it is to draw, and it says how many messages it lost.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import ringway

SAMPLE = np.dtype([("time", "f8"), ("value", "f8")], align=True)
ROWS, COLUMNS = 16, 72
Draw = Callable[[Any, str], None]


def as_text() -> Draw:
    def draw(samples: Any, title: str) -> None:
        values = samples["value"][-COLUMNS * 8 :]
        values = values[: len(values) // 8 * 8].reshape(-1, 8).mean(axis=1)
        grid = np.full((ROWS, COLUMNS), " ")
        if len(values):
            low, high = float(values.min()), float(values.max())
            rows = ((high - values) / ((high - low) or 1.0) * (ROWS - 1)).astype(int)
            grid[rows, np.arange(len(rows))] = "*"
        print("\n".join("".join(row).rstrip() for row in grid))
        print(title, flush=True)

    return draw


def in_a_window() -> Draw | None:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return None
    if plt.get_backend().lower() == "agg":
        return None
    plt.ion()
    axes = plt.subplots()[1]
    (line,) = axes.plot([], [])

    def draw(samples: Any, title: str) -> None:
        line.set_data(samples["time"], samples["value"])
        axes.relim()
        axes.autoscale_view()
        axes.set_title(title)
        plt.pause(0.001)

    return draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--text", action="store_true", help="draw in the terminal")
    parser.add_argument("--frames", type=int, default=0, help="end after so many; 0: at the feed's end")
    arguments = parser.parse_args()
    draw = (None if arguments.text else in_a_window()) or as_text()

    samples = np.zeros(0, SAMPLE)
    frames, closed = 0, False
    with (
        ringway.open_or_create(arguments.path, slots=4096, dtype=SAMPLE, name="example.Sample.v1") as ring,
        ring.consumer(start="latest") as first,
        ring.observer(start="oldest", resume="latest") as observer,
    ):
        # The producer waits for a consumer. From here on the observer is enough.
        first.recv(timeout=60.0)
        first.close()
        while not closed and (not arguments.frames or frames < arguments.frames):
            frame_ends = time.monotonic() + 0.05
            while (left := frame_ends - time.monotonic()) > 0 and not closed:
                match observer.recv_batch(1024, timeout=left):
                    case ringway.Batch() as batch:
                        samples = np.concatenate([samples, batch.numpy()])[-4096:]
                    case ringway.Closed():
                        closed = True
            draw(samples, f"{observer.received} messages, {observer.lost} lost")
            frames += 1


if __name__ == "__main__":
    main()
