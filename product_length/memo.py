"""Reuse within a process: what a sweep's runs have in common is made once."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from product_length.artefacts import Json, address

log = logging.getLogger(__name__)

Made = TypeVar("Made")


class Memo(Generic[Made]):
    """The last result, kept while what it is made from stays the same; `label` names it.

    One only: results are large, and a sweep's runs differ in what comes later.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._of: str | None = None
        self._made: Made | None = None

    def get(self, made_from: Json, make: Callable[[], Made]) -> Made:
        """The result of `make`, anew where `made_from`, a JSON-able description, has changed."""
        of = address({"made_from": made_from})
        if self._made is None or of != self._of:
            self._made = None  # before the next one is made: both may not fit
            self._of, self._made = of, make()
        else:
            log.info("%s: reused from the run before", self._label)
        return self._made
