"""How the runs of a sweep, in other processes too, find the database of its study."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

STORAGE_VARIABLE = "PRODUCT_LENGTH_STORAGE"
"""The environment variable that `storage` in product_length/conf/sweep/_study.yaml reads."""


@contextmanager
def storage_for_runs(url: str) -> Iterator[None]:
    """Let the runs that start in this block find the study's database.

    Its URL may hold a password: on a command line or in a configuration it would be written down.
    """
    before = os.environ.get(STORAGE_VARIABLE)
    os.environ[STORAGE_VARIABLE] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[STORAGE_VARIABLE]
        else:
            os.environ[STORAGE_VARIABLE] = before
