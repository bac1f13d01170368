import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

from ringway._events import EpochChanged, Lagged, Orphaned, ProducerLost
from ringway._events import Closed as ClosedEvent
from ringway._stats import Stats

__all__ = [
    "Batch",
    "BestEffortReader",
    "Claim",
    "Consumer",
    "Message",
    "Observer",
    "Producer",
    "Ring",
    "__version__",
    "create",
    "open",
    "open_or_create",
    "remove",
]

__version__: Final[str]

_Path: TypeAlias = str | os.PathLike[str]
_Start: TypeAlias = Literal["latest", "oldest"] | int
_Wait: TypeAlias = Literal["park", "yield", "spin", "adaptive"] | float
_Resume: TypeAlias = Literal["oldest", "latest"]
_Stride: TypeAlias = Literal["aligned", "packed", "line", "split"]
_Told: TypeAlias = EpochChanged | ProducerLost | Orphaned

@final
class Message:
    """A message: its bytes, sequence and tag. `memoryview(message)` and `numpy()` view it, `bytes(message)` copies it."""

    @property
    def seq(self) -> int:
        """Number of the message, from 0 for the ring's first."""
    @property
    def tag(self) -> int:
        """The tag that the producer gave it."""
    @property
    def released(self) -> bool:
        """Whether it was released, and can't be read any more."""
    def numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """A read-only array over the message: by default of the ring's dtype, or of bytes."""
    def release(self) -> None:
        """Gives the slot back. `BufferError` if views of it are alive."""
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    def __bytes__(self) -> bytes: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None:
        """Lets the message go: its slot is given back once the last view has died."""

@final
class Batch:
    """Messages that follow each other. `batch[i]` is a memoryview of one."""

    @property
    def first_seq(self) -> int:
        """The sequence of the first message."""
    @property
    def seqs(self) -> range:
        """The sequences of the messages."""
    @property
    def tags(self) -> tuple[int, ...]:
        """The tags of the messages."""
    @property
    def released(self) -> bool:
        """Whether it was released, and can't be read any more."""
    def numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """One read-only strided array over all messages, which must have one length.

        Its first dimension are the messages. There is a second one unless a message is one value of `dtype`.
        """
    def release(self) -> None:
        """Gives the slots back. `BufferError` if views of them are alive."""
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    def __getitem__(self, index: int, /) -> memoryview: ...
    def __iter__(self) -> Iterator[memoryview]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None:
        """Lets the messages go: their slots are given back once the last view has died."""

@final
class Consumer(Iterator[Message | _Told | Lagged]):
    """A reliable reader: it gets every message from where it started, and holds the producer back.

    A loop gets messages and events until the ring is closed. It lets each message go when it asks for the next.
    """

    @property
    def next_seq(self) -> int:
        """The sequence of the oldest message that isn't released."""
    @property
    def lag(self) -> int:
        """How many published messages aren't released."""
    @property
    def epoch(self) -> int:
        """The producer's incarnation; 0 before the first."""
    @property
    def producer_alive(self) -> bool:
        """Whether some process is the producer now: asks the kernel."""
    @property
    def in_place(self) -> bool:
        """Whether messages are views of the ring itself, since its peers are trusted."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def is_current(self) -> bool:
        """Whether the path that the ring was opened by still leads to it: asks the kernel."""
    def recv(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """The next message or event; `None` if nothing came for `timeout` seconds.

        `AllHeld`, at once, if this consumer holds all slots: no other message can come. Those of sequences that were
        skipped after a message that is held count, and are given back with it.
        """
    def recv_batch(self, max: int, timeout: float | None = None) -> Batch | _Told | Lagged | ClosedEvent | None:
        """The next messages, at most `max`, as soon as there is one; else as `recv`."""
    async def recv_async(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """As `recv`, in a task of asyncio. A task that is cancelled takes nothing."""
    async def recv_batch_async(
        self, max: int, timeout: float | None = None
    ) -> Batch | _Told | Lagged | ClosedEvent | None:
        """As `recv_batch`, in a task of asyncio."""
    def fileno(self) -> int:
        """A descriptor that is readable until `recv(timeout=0)` returns `None`, and again once it may not.

        Take it from the event loop before `close()`.
        """
    def close(self) -> None:
        """Leaves the ring, once no view of a message is alive."""
    def __aiter__(self) -> AsyncIterator[Message | _Told | Lagged]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Message | _Told | Lagged: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None: ...

@final
class BestEffortReader(Iterator[Message | _Told | Lagged]):
    """A reader that is reliable while it keeps up: it holds the producer back until the producer's patience ends.

    It is passed over then, told exactly how many messages it lost, and waited for again from there on. It copies
    messages out.
    """

    @property
    def next_seq(self) -> int:
        """The sequence of the next message to read."""
    @property
    def lag(self) -> int:
        """How many published messages it has neither received nor lost."""
    @property
    def received(self) -> int:
        """How many messages it has received."""
    @property
    def lost(self) -> int:
        """How many messages it has lost: exact."""
    @property
    def times_lagged(self) -> int:
        """How often it was lapped."""
    @property
    def epoch(self) -> int:
        """The producer's incarnation; 0 before the first."""
    @property
    def producer_alive(self) -> bool:
        """Whether some process is the producer now: asks the kernel."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def is_current(self) -> bool:
        """Whether the path that the ring was opened by still leads to it: asks the kernel."""
    def recv(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """The next message or event; `None` if nothing came for `timeout` seconds."""
    def recv_batch(self, max: int, timeout: float | None = None) -> Batch | _Told | Lagged | ClosedEvent | None:
        """The next messages, at most `max`, as soon as there is one; else as `recv`."""
    async def recv_async(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """As `recv`, in a task of asyncio. A task that is cancelled takes nothing."""
    async def recv_batch_async(
        self, max: int, timeout: float | None = None
    ) -> Batch | _Told | Lagged | ClosedEvent | None:
        """As `recv_batch`, in a task of asyncio."""
    def fileno(self) -> int:
        """A descriptor that is readable until `recv(timeout=0)` returns `None`, and again once it may not.

        Take it from the event loop before `close()`.
        """
    def close(self) -> None:
        """Leaves the ring."""
    def __aiter__(self) -> AsyncIterator[Message | _Told | Lagged]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Message | _Told | Lagged: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None: ...

@final
class Observer(Iterator[Message | _Told | Lagged]):
    """An unreliable reader: it slows nobody, and is told exactly how many messages it lost."""

    @property
    def next_seq(self) -> int:
        """The sequence of the next message to read."""
    @property
    def lag(self) -> int:
        """How many published messages it has neither received nor lost."""
    @property
    def received(self) -> int:
        """How many messages it has received."""
    @property
    def lost(self) -> int:
        """How many messages it has lost: exact."""
    @property
    def epoch(self) -> int:
        """The producer's incarnation; 0 before the first."""
    @property
    def producer_alive(self) -> bool:
        """Whether some process is the producer now: asks the kernel."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def is_current(self) -> bool:
        """Whether the path that the ring was opened by still leads to it: asks the kernel."""
    def recv(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """The next message or event; `None` if nothing came for `timeout` seconds."""
    def recv_batch(self, max: int, timeout: float | None = None) -> Batch | _Told | Lagged | ClosedEvent | None:
        """The next messages, at most `max`, as soon as there is one; else as `recv`."""
    async def recv_async(self, timeout: float | None = None) -> Message | _Told | Lagged | ClosedEvent | None:
        """As `recv`, in a task of asyncio. A task that is cancelled takes nothing."""
    async def recv_batch_async(
        self, max: int, timeout: float | None = None
    ) -> Batch | _Told | Lagged | ClosedEvent | None:
        """As `recv_batch`, in a task of asyncio."""
    def fileno(self) -> int:
        """A descriptor that is readable until `recv(timeout=0)` returns `None`, and again once it may not.

        Take it from the event loop before `close()`.
        """
    def close(self) -> None:
        """Gives up the role."""
    def __aiter__(self) -> AsyncIterator[Message | _Told | Lagged]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Message | _Told | Lagged: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None: ...

@final
class Claim:
    """The next message, claimed and not yet published: written by `numpy()` or `memoryview(claim)`.

    The `with` block publishes it at its end, and abandons it after an exception.
    """

    @property
    def tag(self) -> int:
        """The tag that the message will have."""
    def numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """A writable array over the message: of the ring's dtype, which alone it takes; else of `dtype`, or of bytes."""
    def commit(self, length: int | None = None) -> int:
        """Publishes what was written, or its first `length` bytes. Returns the message's sequence.

        `BufferError` if views of the claim are alive: nothing is published then, and the claim is abandoned.
        """
    def abandon(self) -> None:
        """Publishes nothing: the sequence goes to the next message."""
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

@final
class Producer:
    """The one writer. The `with` block closes the ring at its end, and only gives up the role after an exception."""

    @property
    def next_seq(self) -> int:
        """The sequence of the next message."""
    @property
    def epoch(self) -> int:
        """This producer's incarnation."""
    @property
    def consumer_count(self) -> int:
        """How many consumers are attached: asks the kernel."""
    @property
    def room(self) -> int:
        """For how many messages there is room now."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def is_current(self) -> bool:
        """Whether the path that the ring was opened by still leads to it: asks the kernel."""
    @property
    def patience(self) -> float | Literal["lap"] | None:
        """How long best-effort readers may hold this producer back, as `set_patience` takes it; 0.1 at first."""
    def set_patience(self, patience: float | Literal["lap"] | None) -> None:
        """Has this producer pass over best-effort readers that have held it back for so many seconds in all.

        `"lap"` passes them over as soon as they are a lap behind; `None` waits for them without end, as for consumers.
        """
    @property
    def deferred_wake(self) -> bool:
        """Whether publishing leaves readers that sleep asleep."""
    def set_deferred_wake(self, deferred: bool) -> None:
        """Has publishing leave readers that sleep asleep, until `wake()` or for 100 ms at most."""
    def wake(self) -> bool:
        """Wakes the readers that sleep, where wake-ups are deferred. Whether there were any."""
    def publish(self, message: Buffer | np.generic, tag: int = 0, timeout: float | None = None) -> int:
        """Publishes a message. Returns its sequence. `TimedOut` if there is no room for `timeout` seconds.

        `TypeMismatch` for a numpy array or scalar that isn't of the ring's dtype; bytes are taken as they are.
        """
    def publish_batch(
        self, messages: Buffer | npt.NDArray[Any] | Iterable[Buffer | np.generic], tag: int = 0, timeout: float | None = None
    ) -> int:
        """Publishes the rows of an array, or each of an iterable. Returns their number.

        `TimedOut.published` tells how many went before the time was up: `timeout` seconds without room.
        """
    def claim(self, length: int | None = None, tag: int = 0, timeout: float | None = None) -> Claim:
        """Claims the next slot for a message of `length` bytes; by default one value of the ring's dtype."""
    def skip_to(self, seq: int, timeout: float | None = None) -> None:
        """Skips sequences: the next message gets `seq`, and readers are told `Lagged` for those that weren't published.

        The ring must be made with `first_seq`. `TimedOut` if there is no room for `timeout` seconds: a part may be
        skipped then, and the same call goes on.
        """
    def close(self) -> None:
        """Closes the ring: readers get `Closed` once they have read everything."""
    def leave(self) -> None:
        """Gives up the role without closing the ring: readers get `ProducerLost`."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

@final
class Ring:
    """A ring in a file, on which roles are taken."""

    @property
    def path(self) -> Path:
        """The path, as it was given."""
    @property
    def slots(self) -> int:
        """How many messages the ring keeps."""
    @property
    def payload_capacity(self) -> int:
        """Bytes that a message can have."""
    @property
    def stride(self) -> _Stride:
        """How slots lie one after another."""
    @property
    def max_consumers(self) -> int:
        """Most consumers at once."""
    @property
    def dtype(self) -> np.dtype[Any] | None:
        """What messages are values of, if the ring was made or opened with it."""
    @property
    def type_name(self) -> str | None:
        """The name of the type that the ring carries; `None` for plain bytes."""
    @property
    def trust_peers(self) -> bool:
        """Whether messages are used where they lie."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def is_current(self) -> bool:
        """Whether the path that the ring was opened by still leads to it: asks the kernel."""
    def consumer(self, start: _Start = "latest", *, wait: _Wait = "park") -> Consumer:
        """Takes a consumer's role. It starts at the next message, the oldest, a sequence, or `-n`: n messages back.

        `wait` says how its calls wait; a number polls for so many seconds before it sleeps.
        """
    def best_effort_reader(
        self, start: _Start = "latest", *, resume: _Resume = "oldest", wait: _Wait = "park"
    ) -> BestEffortReader:
        """Takes a best-effort reader's role, in a consumer's cell; `start` and `wait` are as for a consumer.

        After losses it goes on half a lap behind the producer, or at the latest.
        """
    def observer(self, start: _Start = "latest", *, resume: _Resume = "oldest", wait: _Wait = "park") -> Observer:
        """Takes an observer's role. After losses it goes on at the oldest message still kept, or the latest."""
    def producer(
        self, *, timeout: float | None = 0.0, wait: _Wait = "park", require_readers: bool = False
    ) -> Producer:
        """Takes the producer's role, waiting for `timeout` seconds until it is free, asleep."""
    def stats(self) -> Stats:
        """How the ring stands now."""
    def close(self) -> None:
        """Closes this handle. Roles that were taken on it go on."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *why: object) -> None: ...

def create(
    path: _Path,
    *,
    slots: int = 1024,
    payload_capacity: int | None = None,
    dtype: npt.DTypeLike | None = None,
    name: str | None = None,
    stride: _Stride = "aligned",
    max_consumers: int = 16,
    first_seq: int | None = None,
    mode: int = 0o600,
    allow_copy_on_write: bool = False,
    trust_peers: bool = False,
) -> Ring:
    """Makes a ring in a new file.

    Its messages are plain bytes, at most `payload_capacity` (48 by default), or values of `dtype`. The ring records the
    type's size, alignment and name. With `first_seq`, sequences begin there, and the producer may skip some
    (`Producer.skip_to`). `allow_copy_on_write` and `trust_peers` are as for `open`.
    """

def open(
    path: _Path,
    *,
    timeout: float | None = 0.0,
    dtype: npt.DTypeLike | None = None,
    name: str | None = None,
    read_only: bool = False,
    any_owner: bool = False,
    allow_copy_on_write: bool = False,
    allow_other_boot: bool = False,
    trust_peers: bool = False,
) -> Ring:
    """Opens a ring. `TypeMismatch` if it doesn't carry values of `dtype`.

    With `timeout`, waits for so many seconds until there is a ring, asleep, and then raises `TimedOut`. `None` waits
    without end. A file that is no ring is an error at once.

    `any_owner` takes a file of another user than this one and root, who could have planted it.
    `allow_copy_on_write` takes a file system that copies pages when they change, such as btrfs. Once that is full, using
    the ring ends as `Truncated`. `allow_other_boot`, with `read_only`, opens a ring from before the machine last started
    for observers, though messages may be incomplete.

    With `trust_peers`, messages are views of the ring itself, and held until they are released. That is a promise: no
    process writes the file but through Ringway, or cuts it short. Without it, messages are private copies.
    """

def open_or_create(
    path: _Path,
    *,
    slots: int = 1024,
    payload_capacity: int | None = None,
    dtype: npt.DTypeLike | None = None,
    name: str | None = None,
    stride: _Stride = "aligned",
    max_consumers: int = 16,
    first_seq: int | None = None,
    mode: int = 0o600,
    any_owner: bool = False,
    allow_copy_on_write: bool = False,
    trust_peers: bool = False,
) -> Ring:
    """Opens a ring, or makes it if it isn't there. `ConfigMismatch` if there is one of another shape."""

def remove(path: _Path) -> None:
    """Removes a ring that nobody uses."""
