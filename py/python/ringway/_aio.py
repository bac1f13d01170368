"""Readers in tasks of asyncio: the event loop waits for their descriptors."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ringway._errors import HandleInUse
from ringway._events import Closed
from ringway._native import BestEffortReader, Consumer, Message, Observer

Got = TypeVar("Got")
Reader = BestEffortReader | Consumer | Observer

# How many results in a row a task may have before the others of its loop get their turn.
_TURN = 128
_turns: "WeakKeyDictionary[Reader, int]" = WeakKeyDictionary()
_waiting: "WeakKeyDictionary[Reader, bool]" = WeakKeyDictionary()


def _set(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)


async def _once_readable(reader: Reader) -> None:
    if _waiting.get(reader):
        raise HandleInUse(
            "this reader is waited for by another task: give each task a reader of its own, or guard it with a lock"
        )
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    # A duplicate: the reader may be closed meanwhile, and its descriptor's number then is another reader's.
    descriptor = os.dup(reader.fileno())
    try:
        loop.add_reader(descriptor, _set, readable)
        _waiting[reader] = True
        await readable
    finally:
        _waiting[reader] = False
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _until_something(reader: Reader, look: Callable[[], Got | None]) -> Got:
    turn = _turns.get(reader, 0) + 1
    _turns[reader] = turn % _TURN
    if turn == _TURN:
        await asyncio.sleep(0)
    # It is taken with no await after it: a task that is cancelled has taken nothing.
    while (got := look()) is None:
        await _once_readable(reader)
    return got


async def _within(timeout: float | None, reader: Reader, look: Callable[[], Got | None]) -> Got | None:
    if timeout is None:
        return await _until_something(reader, look)
    try:
        async with asyncio.timeout(timeout):
            return await _until_something(reader, look)
    except TimeoutError:
        return look()


async def recv(reader: Reader, timeout: float | None) -> Any:
    """The next message or event; `None` if nothing came for `timeout` seconds."""
    return await _within(timeout, reader, lambda: reader.recv(0))


async def recv_batch(reader: Reader, max: int, timeout: float | None) -> Any:
    """The next messages, at most `max`; else as `recv`."""
    return await _within(timeout, reader, lambda: reader.recv_batch(max, 0))


class AsyncReader:
    """What `async for` asks. It lets each message go when it is asked for the next."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: Message | None = None

    def __aiter__(self) -> "AsyncReader":
        return self

    async def __anext__(self) -> Any:
        if self._last is not None:
            self._last.__exit__()
            self._last = None
        got = await recv(self._reader, None)
        if isinstance(got, Closed):
            raise StopAsyncIteration
        if isinstance(got, Message):
            self._last = got
        return got
