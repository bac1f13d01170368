"""Ringway beside pyzmq, multiprocessing.Queue and iceoryx2: messages per second from a Python process to another.

Each receives messages as numpy arrays. The contenders take turns: a round of all, then the next round. The figure is the
median of the rounds. `--json` prints all of them.
"""

import argparse
import json
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from multiprocessing.sharedctypes import RawValue
from typing import Any

from contenders import CONTENDERS, WORKLOADS, Workload, takes_part

FORK = multiprocessing.get_context("fork")


def send(contender: Any, running: Any) -> None:
    step = contender.sender()
    while running.value:
        for _ in range(64):
            step()


def measure(name: str, workload: Workload, seconds: float, warm_up: float) -> float:
    """Messages per second, received in `seconds`."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench") as directory:
        contender = CONTENDERS[name](workload, directory)
        contender.prepare()
        running = RawValue("b", 1)
        child = FORK.Process(target=send, args=(contender, running), daemon=True)
        child.start()
        step = contender.receiver()
        now = time.perf_counter
        received, end = 0, now() + warm_up
        while now() < end or not received:
            received = step()
        received, began = 0, now()
        end = began + seconds
        while now() < end:
            for _ in range(32):
                received += step()
        took = now() - began
        running.value = 0
        ended = now() + 1.0
        while child.is_alive() and now() < ended:
            step()
        child.kill()
        child.join()
    return received / took


def shown(rate: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g} {unit}"
    return f"{rate:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each measurement")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="workloads whose name has this")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="some of them, with commas between")
    arguments = parser.parse_args()
    contenders = arguments.contenders.split(",")
    exact = [workload for workload in WORKLOADS if arguments.only == workload.name]
    workloads = exact or [workload for workload in WORKLOADS if arguments.only in workload.name]
    turns = [(w, name) for w in workloads for name in contenders if takes_part(name, w)]
    rates: dict[tuple[str, str], list[float]] = {(w.name, name): [] for w, name in turns}
    for _ in range(arguments.rounds):
        for workload, name in turns:
            rates[workload.name, name].append(measure(name, workload, arguments.seconds, 0.05))
    if arguments.json:
        report = {
            "unit": "messages per second",
            "python": platform.python_version(),
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "rates": [{"workload": w, "contender": n, "median": statistics.median(r), "rounds": r} for (w, n), r in rates.items()],
        }
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    print(f"messages per second, median of {arguments.rounds} rounds [least to most]; the first one's multiple of each\n")
    for workload in workloads:
        print(workload.name)
        own = statistics.median(rates[workload.name, contenders[0]])
        for name in contenders:
            if row := rates.get((workload.name, name)):
                median = statistics.median(row)
                spread = f"[{shown(min(row))} to {shown(max(row))}]"
                print(f"  {name:24}{shown(median):>10}  {spread:26}{own / median:8.1f} x")


if __name__ == "__main__":
    main()
