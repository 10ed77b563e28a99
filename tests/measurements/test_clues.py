"""Words behind a measurement, whose patterns are tried only where the first word allows it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.measurements.context import first_behind
from product_length.measurements.measurement import Role, Unit
from product_length.measurements.subject import STEM, clues_of

KINDS = [
    (Unit.INCH, Role.NONE, False),
    *((unit, role, True) for unit in Unit for role in (Role.NONE, Role.WIDTH)),
]


@pytest.mark.parametrize(("unit", "role", "single"), KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_clue_behind_is_passed_over_for_its_first_word(
    unit: Unit, role: Role, single: bool, data: st.DataObject
) -> None:
    clues = clues_of(unit, role, single=single)
    _, clue = data.draw(st.sampled_from(clues.pairs))
    alphabet = st.characters(max_codepoint=127)
    text = data.draw(st.from_regex(clue.pattern, fullmatch=True, alphabet=alphabet))
    assert first_behind(text, 0)[:STEM] in clues.first
