"""The programs of the guide's page, of the README and the examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent
PAGES = [PACKAGE.parent / "docs/guide/python.md", PACKAGE / "README.md"]
PROGRAMS = [
    pytest.param(program, id=f"{page.stem}-{n}")
    for page in PAGES
    for n, program in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]


def run(*command: object) -> str:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_pages_runs_and_runs_again(program: str, place: Path) -> None:
    program = program.replace("/dev/shm", str(place))
    first = run("-c", program)
    assert first
    again = run("-c", program)
    assert len(again.splitlines()) == len(first.splitlines())


def test_the_examples_pass_messages_to_each_other(place: Path) -> None:
    ring = place / "feed"
    producer = subprocess.Popen([sys.executable, PACKAGE / "examples/producer.py", ring, "--count", "2000"])
    try:
        assert "2000 messages" in run(PACKAGE / "examples/consumer.py", ring)
    finally:
        producer.wait()
    assert producer.returncode == 0


def test_a_live_feed_is_plotted_as_text(place: Path) -> None:
    ring = place / "feed"
    producer = subprocess.Popen([sys.executable, PACKAGE / "examples/producer.py", ring, "--count", "5000"])
    try:
        shown = run(PACKAGE / "examples/plot_live.py", ring, "--text", "--frames", "3")
    finally:
        producer.kill()
        producer.wait()
    assert shown.count("messages") >= 1 and "*" in shown
