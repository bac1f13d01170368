"""Ringway and its peers, each as its documentation has it used best: a sender and a receiver of one workload.

A sender yields nothing and sends `step()` after `step()`, which returns how many messages went. A receiver's `step()`
receives at least one message as a numpy array and returns how many, or 0 if nothing came for a moment.
"""

import ctypes
import multiprocessing
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 256
Step = Callable[[], int]


@dataclass(frozen=True)
class Workload:
    """Messages of `size` bytes, `batch` at a time. With `fill`, each is copied in from an array; else a field is written."""

    name: str
    size: int
    batch: int = 1
    fill: bool = True


WORKLOADS = [
    Workload("48 B", 48),
    Workload("64 KiB, filled", 65536),
    Workload("64 KiB, in place", 65536, fill=False),
    Workload("48 B, batches of 256", 48, batch=BATCH),
]


def values(workload: Workload) -> Any:
    return np.arange(workload.batch * workload.size // 8, dtype="u8").reshape(workload.batch, -1)


def slots(workload: Workload) -> int:
    return 4096 if workload.size <= 1024 else 64 if workload.fill else 512


class Ringway:
    """One ring, opened by both processes; trusting each other unless `trust` says otherwise."""

    def __init__(self, workload: Workload, directory: str, trust: bool = True) -> None:
        self.workload, self.path, self.trust = workload, f"{directory}/ring", trust

    def prepare(self) -> None:
        import ringway

        ringway.create(self.path, slots=slots(self.workload), payload_capacity=self.workload.size).close()

    def receiver(self) -> Step:
        import ringway

        consumer = ringway.open(self.path, trust_peers=self.trust).consumer("oldest")
        recv, recv_batch, dtype, a_message = consumer.recv, consumer.recv_batch, np.dtype("u8"), ringway.Message

        def one() -> int:
            message = recv(0.1)
            if type(message) is not a_message:
                return 0
            message.numpy(dtype)
            return 1

        def many() -> int:
            batch = recv_batch(BATCH, 0.1)
            if type(batch) is not ringway.Batch:
                return 0
            batch.numpy(dtype)
            return len(batch)

        return one if self.workload.batch == 1 else many

    def sender(self) -> Step:
        import ringway

        producer = ringway.open(self.path, trust_peers=self.trust).producer()
        array, size = values(self.workload), self.workload.size
        one_message, publish, publish_batch = array[0].tobytes(), producer.publish, producer.publish_batch
        dtype = np.dtype("u8")

        def fill() -> int:
            publish(one_message)
            return 1

        def in_place() -> int:
            claim = producer.claim(size)
            claim.numpy(dtype)[0] = 1
            claim.commit()
            return 1

        def many() -> int:
            return publish_batch(array)

        return many if self.workload.batch > 1 else fill if self.workload.fill else in_place


class RingwayCopied(Ringway):
    """The same with private copies of the messages."""

    def __init__(self, workload: Workload, directory: str) -> None:
        super().__init__(workload, directory, trust=False)


class Pyzmq:
    """PUSH and PULL over ipc://. Small messages are copied by libzmq, long ones lent, as pyzmq advises."""

    packed = False

    def __init__(self, workload: Workload, directory: str) -> None:
        self.workload, self.address = workload, f"ipc://{directory}/socket"

    def prepare(self) -> None:
        pass

    def receiver(self) -> Step:
        import zmq

        socket = zmq.Context().socket(zmq.PULL)
        socket.setsockopt(zmq.RCVTIMEO, 100)
        socket.bind(self.address)
        recv, dtype, copy, count = socket.recv, np.dtype("u8"), self.workload.size < 65536, self.workload.batch
        per_frame = count if self.packed else 1

        def one() -> int:
            try:
                frame = recv(copy=copy)
            except zmq.Again:
                return 0
            np.frombuffer(frame if copy else frame.buffer, dtype)
            return per_frame

        return one

    def sender(self) -> Step:
        import zmq

        socket = zmq.Context().socket(zmq.PUSH)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDTIMEO, 100)
        socket.connect(self.address)
        array, copy = values(self.workload), self.workload.size < 65536
        message, frame, send = array[0].tobytes(), array.tobytes(), socket.send

        def step() -> int:
            try:
                send(frame if self.packed else message, copy=copy)
            except zmq.Again:
                return 0
            return 1

        return step


class PyzmqPacked(Pyzmq):
    """A batch as one frame: what a program of pyzmq does that has batches."""

    packed = True


class Queue:
    """multiprocessing.Queue of bytes; with batches, of arrays of 256 messages, pickled."""

    def __init__(self, workload: Workload, directory: str) -> None:
        self.workload = workload
        self.queue: Any = multiprocessing.get_context("fork").Queue(1000)

    def prepare(self) -> None:
        pass

    def receiver(self) -> Step:
        get, dtype, count = self.queue.get, np.dtype("u8"), self.workload.batch

        def step() -> int:
            try:
                message = get(timeout=0.1)
            except queue.Empty:
                return 0
            if count == 1:
                np.frombuffer(message, dtype)
            return count

        return step

    def sender(self) -> Step:
        self.queue.cancel_join_thread()
        array = values(self.workload)
        message = array if self.workload.batch > 1 else array[0].tobytes()

        def step() -> int:
            try:
                self.queue.put(message, timeout=0.1)
            except queue.Full:
                return 0
            return 1

        return step


class Iceoryx2:
    """A publisher that waits for its subscriber; a batch is one sample of 256 messages."""

    def __init__(self, workload: Workload, directory: str) -> None:
        self.workload, self.name = workload, f"ringway/bench{directory}"

    def prepare(self) -> None:
        pass

    def service(self) -> Any:
        import iceoryx2 as iox2

        iox2.set_log_level(iox2.LogLevel.Error)
        self.node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        builder = self.node.service_builder(iox2.ServiceName.new(self.name))
        builder = builder.publish_subscribe(iox2.Slice[ctypes.c_uint8]).enable_safe_overflow(False)
        return builder.subscriber_max_buffer_size(256).open_or_create()

    def receiver(self) -> Step:
        self.own = self.service()
        subscriber = self.own.subscriber_builder().create()
        receive, count, dtype = subscriber.receive, self.workload.batch, np.dtype("u8")
        memory = ctypes.c_uint8 * (self.workload.size * count)

        def step() -> int:
            for _ in range(10000):
                sample = receive()
                if sample is not None:
                    np.frombuffer(memory.from_address(sample.payload_ptr), dtype)
                    sample.delete()
                    return count
            return 0

        return step

    def sender(self) -> Step:
        import iceoryx2 as iox2

        self.own = self.service()
        total = self.workload.size * self.workload.batch
        publisher = (
            self.own.publisher_builder()
            .initial_max_slice_len(total)
            .backpressure_strategy(iox2.BackpressureStrategy.DiscardData)
            .create()
        )
        message, fill, memmove, loan = values(self.workload).tobytes(), self.workload.fill, ctypes.memmove, publisher.loan_slice_uninit

        def step() -> int:
            sample = loan(total)
            memmove(sample.payload_ptr, message, total if fill else 8)
            return 1 if sample.assume_init().send() else 0

        return step


CONTENDERS: dict[str, Any] = {
    "ringway": Ringway,
    "ringway (copies)": RingwayCopied,
    "pyzmq": Pyzmq,
    "pyzmq (packed)": PyzmqPacked,
    "multiprocessing.Queue": Queue,
    "iceoryx2": Iceoryx2,
}


def takes_part(name: str, workload: Workload) -> bool:
    return not (name.endswith("(packed)") and workload.batch == 1)
