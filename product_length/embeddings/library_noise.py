"""Keeps the model libraries' progress bars and chatter out of a run's output."""

import contextlib
import logging
from collections.abc import Iterator

_LOGGERS = ("sentence_transformers", "transformers", "huggingface_hub", "httpx", "httpx2")


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence transformers, sentence-transformers and the hub's client for the time of the block.

    What they would have warned about is checked, or reported in one message, by the caller.
    """
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils.logging import (
        disable_progress_bar,
        enable_progress_bar,
        is_progress_bar_enabled,
    )

    bars_of_hub = not are_progress_bars_disabled()
    bars_of_transformers = is_progress_bar_enabled()
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    disable_progress_bars()
    disable_progress_bar()  # type: ignore[no-untyped-call]
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars_of_transformers:
            enable_progress_bar()  # type: ignore[no-untyped-call]
        if bars_of_hub:
            enable_progress_bars()
