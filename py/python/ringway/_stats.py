"""How a ring stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsumerStats:
    """An attached consumer, or a best-effort reader: only what one has lost is counted, and by its own word."""

    cell: int
    pid: int
    next_seq: int
    lag: int
    is_best_effort: bool
    lost: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How a ring stood when it was asked."""

    head: int
    epoch: int
    state: str
    producer_alive: bool
    room: int
    consumers: tuple[ConsumerStats, ...]
