"""Rings: how they are made and opened, their types, and files that are none."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import ringway
from conftest import in_child, in_thread
from test_messages import received


def test_a_ring_records_size_alignment_and_name_of_its_type(place: Path) -> None:
    fields = np.dtype([("price", "f8"), ("quantity", "u4")], align=True)
    with ringway.create(place / "ring", dtype=fields, name="example.Quote.v1") as made:
        assert (made.dtype, made.type_name, made.payload_capacity) == (fields, "example.Quote.v1", 16)
    assert ringway.open(place / "ring").type_name == "example.Quote.v1"
    assert ringway.open(place / "ring", dtype=fields).dtype == fields
    packed = np.dtype([("price", "f8"), ("quantity", "u4"), ("venue", "u4")])
    for dtype, name in ((fields, "example.Quote.v2"), ("f8", None), (packed, None)):
        with pytest.raises(ringway.TypeMismatch, match="the ring carries type .*, this program expects type"):
            ringway.open(place / "ring", dtype=dtype, name=name)
    with ringway.open(place / "ring").consumer("oldest") as consumer:
        with pytest.raises(ringway.TypeMismatch, match="expects plain bytes"):
            ringway.open(place / "ring").producer()
        with ringway.open(place / "ring", dtype=fields).producer() as producer:
            with pytest.raises(ringway.WrongLength, match="the ring's type has 16"):
                producer.publish(b"short")
            producer.publish(np.array([(1, 2)], dtype=fields))
        assert len(received(consumer)) == 16


def test_a_plain_ring_has_no_dtype(place: Path) -> None:
    ring = ringway.create(place / "ring")
    assert ring.dtype is None and ring.type_name is None
    with pytest.raises(ringway.TypeMismatch, match="plain bytes"):
        ringway.open(place / "ring", dtype="f8")


@pytest.mark.parametrize("dtype", ["O", [("price", "f8"), ("note", "O")]])
def test_dtypes_with_objects_are_refused(place: Path, dtype: object) -> None:
    with pytest.raises(TypeError, match="has Python objects"):
        ringway.create(place / "ring", dtype=dtype, name="example.Object")
    ring = ringway.create(place / "plain", payload_capacity=8)
    with ring.consumer("oldest") as consumer, ring.producer() as producer:
        producer.publish(bytes(8))
        with pytest.raises((TypeError, ValueError)):
            received(consumer).numpy(dtype)
        with pytest.raises(TypeError), producer.claim(8) as claim:
            claim.numpy(dtype)


def test_arguments_that_make_no_ring_are_refused(place: Path) -> None:
    path = place / "ring"
    for error, arguments in (
        (TypeError, {"payload_capacity": 8, "dtype": "f8"}),
        (TypeError, {"name": "example.Quote.v1"}),
        (ValueError, {"dtype": [("price", "f8")]}),
        (ValueError, {"dtype": "S"}),
        (ValueError, {"stride": "wide"}),
        (ringway.InvalidRing, {"slots": 3}),
    ):
        with pytest.raises(error):
            ringway.create(path, **arguments)  # type: ignore[arg-type]
    assert not path.exists()
    ring = ringway.create(path)
    for start in ("newest", 1.5, None and 0):
        if start is not None:
            with pytest.raises(ValueError, match="start is"):
                ring.consumer(start)  # type: ignore[arg-type]


def test_opening_creating_and_removing(place: Path) -> None:
    path = place / "ring"
    with pytest.raises(ringway.NotFound) as missing:
        ringway.open(path)
    assert isinstance(missing.value, FileNotFoundError) and isinstance(missing.value, ringway.RingwayError)
    ring = ringway.open_or_create(path, slots=8, stride="packed", max_consumers=1)
    assert (ring.slots, ring.stride, ring.max_consumers, ring.path) == (8, "packed", 1, path)
    with pytest.raises(FileExistsError):
        ringway.create(str(path))
    with pytest.raises(ringway.ConfigMismatch):
        ringway.open_or_create(path, slots=16)
    with pytest.raises(ringway.RingInUse):
        ringway.remove(path)
    with ring.consumer(), pytest.raises(ringway.NoFreeCell):
        ring.consumer()
    ring.close()
    with pytest.raises(ringway.HandleClosed):
        ring.producer()
    read_only = ringway.open(path, read_only=True)
    with pytest.raises(ringway.NotPermitted):
        read_only.consumer()
    read_only.observer().close()
    read_only.close()
    ringway.remove(path)
    assert not path.exists()


def test_refusals_name_what_python_has(place: Path) -> None:
    path = place / "ring"
    ringway.create(path, dtype="f8").close()
    with pytest.raises(ringway.ConfigMismatch, match=r'with type "numpy.<f8" .*, expected "numpy.<i8" '):
        ringway.open_or_create(path, dtype="i8")
    if os.geteuid() != 0:
        pytest.skip("another user's file needs root")
    path.chmod(0o644)
    place.chmod(0o755)

    def as_another() -> None:
        os.setuid(54321)
        with pytest.raises(ringway.NotPermitted, match="read_only=True is enough"):
            ringway.open(path)
        with pytest.raises(ringway.NotPermitted) as refused:
            ringway.remove(path)
        assert "read_only" not in str(refused.value) and "read-only" not in str(refused.value)

    assert in_child(as_another) == 0
    os.chown(path, 54321, 54321)
    for opened in (lambda **more: ringway.open(path, **more), lambda **more: ringway.open_or_create(path, dtype="f8", **more)):
        with pytest.raises(ringway.NotPermitted, match="open it with any_owner=True"):
            opened()
        opened(any_owner=True).close()


def move_to_another_boot(path: Path) -> None:
    """Changes the boot id in a ring's header, as docs/format.md lays it out, and the checksum with it."""
    header = bytearray(path.read_bytes()[: 48 * 8])
    header[18 * 8] ^= 0xFF
    checksum = 0xCBF29CE484222325
    for byte in header[8 : 47 * 8]:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    header[47 * 8 :] = checksum.to_bytes(8, sys.byteorder)
    with path.open("r+b") as file:
        file.write(header)


def test_a_ring_of_another_boot_can_at_most_be_observed(place: Path) -> None:
    path = place / "ring"
    with ringway.create(path) as ring, ring.producer() as producer:
        producer.publish(b"before the crash")
    move_to_another_boot(path)
    for arguments in ({}, {"read_only": True}, {"allow_other_boot": True}):
        with pytest.raises(ringway.OtherBoot, match="read_only=True and allow_other_boot=True"):
            ringway.open(path, **arguments)  # type: ignore[arg-type]
    with ringway.open(path, read_only=True, allow_other_boot=True) as ring:
        for role in (ring.consumer, ring.producer):
            with pytest.raises(ringway.OtherBoot, match="allow_other_boot=True"):
                role()
        assert bytes(received(ring.observer("oldest"))) == b"before the crash"


COPYING = """
import sys
import pytest
import ringway

path = sys.argv[1] + "/ring"
for make in (ringway.create, ringway.open_or_create):
    with pytest.raises(ringway.RingwayError, match="lies on btrfs.*pass allow_copy_on_write=True") as refused:
        make(path)
    assert "SIGBUS" not in str(refused.value) and "memfd" not in str(refused.value)
ringway.create(path, allow_copy_on_write=True).close()
for open in (ringway.open, ringway.open_or_create):
    with pytest.raises(ringway.RingwayError, match="pass allow_copy_on_write=True"):
        open(path)
    open(path, allow_copy_on_write=True).close()
ringway.open(path, read_only=True).close()
"""


def test_a_file_system_that_copies_on_write_is_refused_unless_it_is_allowed(place: Path) -> None:
    image = place / "image"
    image.touch()
    os.truncate(image, 128 << 20)
    if os.geteuid() != 0 or not shutil.which("mkfs.btrfs"):
        pytest.skip("a btrfs of its own needs root and mkfs.btrfs")
    subprocess.run(["mkfs.btrfs", "-q", image], check=True)
    # Where no other process sees it; it goes with the last process of the namespace.
    mounting = 'mount -o loop "$1" "$2" || exit 77; exec "$3" -c "$4" "$2"'
    command = ["unshare", "--mount", "sh", "-c", mounting, "sh", image, tempfile.mkdtemp(dir=place), sys.executable, COPYING]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"nothing can be mounted: {done.stderr}")
    assert done.returncode == 0, done.stderr


def test_readers_start_where_they_are_told(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=16)
    with ring.producer() as producer:
        producer.publish_batch([bytes([n]) for n in range(6)])
        for start, seq in (("oldest", 0), ("latest", 6), (3, 3), (-2, 4), (-100, 0), (0, 0)):
            assert ring.consumer(start).next_seq == seq and ring.observer(start).next_seq == seq  # type: ignore[arg-type]
        producer.publish_batch([b"x"] * 40)
        with pytest.raises(ringway.Overwritten):
            ring.consumer(0)


def test_observers_count_every_lost_message(place: Path) -> None:
    ring = ringway.create(place / "ring", slots=4)
    with ring.observer("oldest") as observer, ring.producer() as producer:
        producer.publish_batch([bytes([n]) for n in range(10)])
        event = observer.recv(timeout=60)
        assert isinstance(event, ringway.Lagged) and event.lost == 6 == observer.lost
        batch = observer.recv_batch(10)
        assert isinstance(batch, ringway.Batch) and batch.numpy()[:, 0].tolist() == [6, 7, 8, 9]
        assert (observer.received, observer.lag) == (4, 0)
        producer.publish_batch([b"", b"x"])
        assert [len(message) for message in (observer.recv(60), observer.recv(60)) if message] == [0, 1]
        producer.publish(b"")
        assert len(observer.recv_batch(3, timeout=60) or ()) == 1
        producer.close()
        assert list(observer) == [] and observer.recv() == ringway.Closed()


def test_a_batch_that_an_event_ends_tells_it_next(place: Path, trust: bool) -> None:
    ring = ringway.create(place / "ring", slots=16, trust_peers=trust)
    observer, consumer, producer = ring.observer("oldest"), ring.consumer("oldest"), ring.producer()
    producer.publish_batch([b"a", b"b"])
    producer.close()
    for reader in (observer, consumer):
        assert len(reader.recv_batch(5) or ()) == 2
        assert reader.recv_batch(5) == ringway.Closed()
        assert reader.recv(timeout=0) == ringway.Closed()


def test_loops_get_messages_and_events_until_the_ring_is_closed(ring: ringway.Ring) -> None:
    consumer = ring.consumer("oldest")
    first = ring.producer()
    first.publish_batch([b"a", b"b"])
    first.leave()
    with ring.producer() as producer:
        producer.publish(b"c")
    seen = []
    for got in consumer:
        match got:
            case ringway.Message():
                seen.append(bytes(got))
                last = got
            case ringway.EpochChanged(epoch, first_seq):
                seen.append((epoch, first_seq))
    assert [each for each in seen if isinstance(each, bytes)] == [b"a", b"b", b"c"]
    assert last.released, "a loop lets go of each message when it asks for the next"


@pytest.mark.parametrize("cut", [0, 1, 64, 4096, 5000])
def test_a_file_that_is_cut_short_is_an_exception(place: Path, cut: int) -> None:
    path = place / "ring"
    ring = ringway.create(path, slots=1024)
    consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
    producer.publish_batch([b"x" * 48] * 1024)
    os.truncate(path, cut)
    with pytest.raises(ringway.Truncated):
        while True:
            consumer.recv(timeout=0)
    with pytest.raises(ringway.Truncated):
        while True:
            assert not isinstance(observer.recv_batch(100, timeout=0), ringway.Closed)
    with pytest.raises(ringway.Truncated):
        while True:
            producer.publish(b"y", timeout=0)
    with pytest.raises(ringway.RingwayError):
        ringway.open(path)


def test_a_file_that_is_no_ring_is_an_exception(place: Path) -> None:
    for n, content in enumerate((b"", b"x", b"RINGWAY\0" * 1000, os.urandom(1 << 16), bytes(1 << 16))):
        path = place / f"{n}"
        path.write_bytes(content)
        with pytest.raises(ringway.RingwayError):
            ringway.open(path)
    with pytest.raises(ringway.RingwayError):
        ringway.open(place)


def test_a_ring_that_is_written_over_is_no_crash(place: Path) -> None:
    path = place / "ring"
    rng = np.random.default_rng(1)
    for _ in range(200):
        ring = ringway.create(path, slots=8)
        consumer, observer, producer = ring.consumer("oldest"), ring.observer("oldest"), ring.producer()
        producer.publish_batch([b"x" * 40] * 8)
        with open(path, "r+b") as file:
            size = os.path.getsize(path)
            for at in rng.integers(0, size // 8, 400):
                file.seek(int(at) * 8)
                file.write(rng.bytes(8))
        for ask in (
            lambda: consumer.recv(timeout=0), lambda: consumer.recv_batch(8, timeout=0), lambda: observer.recv(timeout=0),
            lambda: observer.recv_batch(8, timeout=0), lambda: producer.publish(b"y", timeout=0), lambda: ring.stats(),
            lambda: ring.consumer("oldest"), lambda: ringway.open(path),
        ):
            try:
                ask()
            except ringway.RingwayError:
                pass
        path.unlink()


def test_stats_tell_how_a_ring_stands(ring: ringway.Ring) -> None:
    with ring.consumer("oldest"), ring.producer() as producer:
        producer.publish_batch([b"x"] * 3)
        stats = ring.stats()
        assert (stats.head, stats.epoch, stats.state, stats.producer_alive, stats.room) == (3, 1, "open", True, 13)
        assert [(c.pid, c.lag) for c in stats.consumers] == [(os.getpid(), 3)]


def test_opening_waits_until_there_is_a_ring(place: Path) -> None:
    path = place / "later" / "ring"
    with pytest.raises(ringway.NotFound):
        ringway.open(path)
    with pytest.raises(ringway.TimedOut, match="no ring came within"):
        ringway.open(path, timeout=0.01)
    opened: list[ringway.Ring] = []
    threads = [
        in_thread(lambda: opened.append(ringway.open(path, timeout=60))),
        in_thread(lambda: opened.append(ringway.open(path, timeout=None, read_only=True))),
    ]
    path.parent.mkdir()
    ringway.create(path, slots=64)
    for thread in threads:
        thread.join()
    assert [(ring.slots, ring.path) for ring in opened] == [(64, path)] * 2
    (place / "text").write_text("no ring")
    with pytest.raises(ringway.InvalidRing):
        ringway.open(place / "text", timeout=None)


def test_a_ring_and_its_roles_tell_whether_the_path_still_leads_to_it(place: Path) -> None:
    ring = ringway.create(place / "ring")
    handles = [ring, ring.producer(), ring.consumer(), ring.best_effort_reader(), ring.observer()]
    assert [handle.is_current() for handle in handles] == [True] * 5
    (place / "ring").unlink()
    assert [handle.is_current() for handle in handles] == [False] * 5
    ringway.create(place / "ring")
    assert [handle.is_current() for handle in handles] == [False] * 5
