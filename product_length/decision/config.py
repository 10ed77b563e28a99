"""The metrics that a predicted distribution can be decided for."""

from typing import Literal

Decision = Literal["mape", "rmsle", "median", "mean", "smape"]
DECISIONS: tuple[Decision, ...] = ("mape", "rmsle", "median", "mean", "smape")

DecisionOption = Literal["auto", "mape", "rmsle", "median", "mean", "smape"]
"""`auto`: mape from a distribution; from a point loss the only length there is."""
