"""What the tests share."""

import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ringway

# Bounds a hang: nothing waits for it.
HANG = 120.0


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(HANG, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a program of the foreground: shells have those in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory for rings."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


@pytest.fixture(params=[False, True], ids=["copied", "in_place"])
def trust(request: pytest.FixtureRequest) -> bool:
    """Whether the ring's peers are trusted."""
    return bool(request.param)


@pytest.fixture
def ring(place: Path, trust: bool) -> ringway.Ring:
    """A ring of 16 messages of up to 48 bytes."""
    return ringway.create(place / "ring", slots=16, payload_capacity=48, trust_peers=trust)


@pytest.fixture
def program(place: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts Python programs, which end with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", text, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def in_child(work: Callable[[], None]) -> int:
    """Forks, has the child do `work`, and returns its exit status: 0 unless it raised."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(int(HANG))
            work()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
