"""What can go wrong. Each error says what was found, what was expected and what to do."""


class RingwayError(Exception):
    """The base of all errors of this package."""


class Forked(RingwayError):
    """The handle belongs to the parent process: take a role anew in the child."""


class Truncated(RingwayError):
    """The ring's file was cut short under the handle."""


class Damaged(RingwayError):
    """Some process wrote over the ring."""


class InvalidRing(RingwayError, ValueError):
    """The file has no ring, or no ring can be as asked for."""


class ConfigMismatch(RingwayError, ValueError):
    """There is a ring, but not one of the shape asked for."""


class TypeMismatch(RingwayError, TypeError):
    """The ring carries another type."""


class NotFound(RingwayError, FileNotFoundError):
    """There is no such file."""


class AlreadyExists(RingwayError, FileExistsError):
    """There is a file already."""


class NotPermitted(RingwayError, PermissionError):
    """This user, or this way of opening the ring, doesn't allow it."""


class NoSpace(RingwayError, OSError):
    """The file system has no room for the ring."""


class Replaced(RingwayError):
    """The path leads to another file than the one that was opened."""


class OtherBoot(RingwayError):
    """The ring was made before this machine last started."""


class RingInUse(RingwayError):
    """Some process uses, makes or removes the ring."""


class ProducerTaken(RingwayError):
    """Another handle is the producer."""


class NoFreeCell(RingwayError):
    """The ring has as many consumers as it can have."""


class Overwritten(RingwayError, LookupError):
    """The message asked for isn't there to start at."""


class TimedOut(RingwayError, TimeoutError):
    """There was no room, or no ring, until the time was up. `published` is how many messages of a batch went before."""

    published: int = 0


class Full(TimedOut):
    """There is no room now, and the call wasn't to wait."""


class TooLong(RingwayError, ValueError):
    """The message is longer than the ring's slots."""


class WrongLength(RingwayError, ValueError):
    """The message has another length than its type."""


class NoTags(RingwayError, ValueError):
    """Messages of this ring have no tags."""


class NoReaders(RingwayError):
    """No consumer is attached, and the producer requires one."""


class Deposed(RingwayError):
    """Another producer has taken over."""


class AllHeld(RingwayError, RuntimeError):
    """The consumer holds all slots of the ring, so no other message can come until it releases one."""


class ClaimOpen(RingwayError, RuntimeError):
    """The producer has a claim that is neither committed nor abandoned."""


class Released(RingwayError, ValueError):
    """The message was released, or the claim is over."""


class HandleClosed(RingwayError, ValueError):
    """The handle was closed."""


class HandleInUse(RingwayError, RuntimeError):
    """Another thread is using the handle."""
