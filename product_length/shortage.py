"""A disk that is full and memory that has run out: distinguished, and each reported in one line."""

import errno
import os
from pathlib import Path

from product_length.errors import UserError, first_line

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Of an OSError: no space, no quota, or no file as large as this one."""

_OF_MEMORY = ("out of memory", "not enough memory", "allocate memory", "bad_alloc")


class OutOfMemoryError(UserError):
    """Memory has run out; the message says what needs less."""


def memory_ran_out(error: BaseException) -> bool:
    """Whether an error, of whatever library, says that there was no memory left."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):  # torch and FAISS, on a CPU or a GPU
        return any(words in str(error).lower() for words in _OF_MEMORY)
    return isinstance(error, MemoryError | OutOfMemoryError)


def out_of_memory(error: BaseException) -> OutOfMemoryError:
    """What to say when memory has run out."""
    return OutOfMemoryError(
        f"memory ran out ({first_line(error)}); use fewer rows, a smaller batch "
        "(trainer.batch_size=…, to predict batch_rows=…) or trainer.memory=blocks, or a machine "
        "with more memory"
    )


def cannot_write(place: object, error: Exception, advice: str = "", state: str = "") -> UserError:
    """What to say when `place` cannot be written, which is not always the disk's fault.

    torch's own error does not say why; its context does, if `torch.save` is given an open file.

    `advice`: what else helps, such as "choose another folder with cache_dir=…"; `state`: what else
    is wrong.
    """
    if memory_ran_out(error):
        return out_of_memory(error)
    if isinstance(error.__context__, OSError) and not isinstance(error, OSError):
        error = error.__context__
    number = error.errno if isinstance(error, OSError) else None
    parts = ["free some space"] if number in NO_ROOM else []
    parts += [advice] if advice else []
    # The system's words where a library adds its own, as pyarrow does.
    reason = getattr(error, "strerror", None) or first_line(error)
    if number in NO_ROOM:
        reason = os.strerror(number)
    said = [f"{place}: cannot be written ({reason})", state, ", or ".join(parts)]
    return UserError("; ".join(part for part in said if part))


def in_words(error: Exception, folder: Path) -> Exception:
    """A UserError in place of any error of a full disk or of memory; other errors as they are.

    `folder`: the place to name where an error names none.
    """
    if memory_ran_out(error):
        return out_of_memory(error)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return cannot_write(error.filename or folder, error)
    return error
