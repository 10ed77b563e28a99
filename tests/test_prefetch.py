"""Items that a thread computes while those before them are used."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from product_length.errors import UserError
from product_length.prefetch import prefetch


def test_no_more_than_the_bound_is_computed_ahead() -> None:
    begun = []

    def items() -> Iterator[int]:
        for item in range(100):
            begun.append(item)
            yield item

    for taken, item in enumerate(prefetch(items(), 2)):
        assert item == taken
        assert len(begun) <= taken + 5
    assert begun == list(range(100))


def test_errors_of_the_thread_are_raised_where_it_is_waited_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise UserError("broken tokenizer")

    taken = []
    with pytest.raises(UserError, match="broken tokenizer"):
        taken.extend(prefetch(items()))  # a list comprehension would lose what came before
    before = threading.active_count()
    unfinished = prefetch(itertools.count())
    assert [next(unfinished) for _ in range(3)] == [0, 1, 2]
    unfinished.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
