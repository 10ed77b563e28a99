"""A fresh small problem for each test."""

import pytest
from fitting_problem import Problem, make_problem


@pytest.fixture
def problem() -> Problem:
    return make_problem()
