"""How a ring stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsumerStats:
    """An attached consumer."""

    cell: int
    pid: int
    next_seq: int
    lag: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How a ring stood when it was asked."""

    head: int
    epoch: int
    state: str
    producer_alive: bool
    room: int
    consumers: tuple[ConsumerStats, ...]
