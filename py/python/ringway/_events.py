"""What a reader is told instead of a message."""

from dataclasses import dataclass


class Event:
    """The base of all events. The next call goes on, unless the event is `Closed`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Lagged(Event):
    """Exactly `lost` messages don't come: the producer overtook this reader, or skipped them."""

    lost: int


@dataclass(frozen=True, slots=True)
class EpochChanged(Event):
    """Another producer has taken the ring over, or opened it again: its messages begin at `first_seq`."""

    epoch: int
    first_seq: int


@dataclass(frozen=True, slots=True)
class ProducerLost(Event):
    """The producer is gone without closing the ring. A successor may come."""


@dataclass(frozen=True, slots=True)
class Orphaned(Event):
    """The ring's file isn't at its path any more: it was removed or replaced. The reader goes on."""


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """The producer closed the ring, and everything was read."""
