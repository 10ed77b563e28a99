"""What the priors of a network's mixture are told before training."""

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.features.dimension_stage import StatedByRows
from product_length.features.scaler import FeatureScaler
from product_length.features.terms import TermFeatures
from product_length.model.network import LengthNetwork
from product_length.model.outputs import Members, Outputs, Scale
from product_length.training.objective import HistogramObjective, Objective


def fill_priors(
    network: LengthNetwork,
    objective: Objective,
    train_lengths: NDArray[np.float32],
    train_codes: NDArray[np.int64] | None,
    near: FeatureScaler | None,
    stated: StatedByRows | None,
    terms: TermFeatures | None = None,
) -> None:
    """Give the network's mixture, if it has one, the training rows, in place.

    train_lengths: float32 (rows,), 1/100 inch; train_codes: int64 (rows,), their types; near: of
    the block of neighbours; stated, terms: of these rows. Raises ValueError when the objective
    predicts no distribution.
    """
    if network.mixture is None:
        return
    if not isinstance(objective, HistogramObjective):
        raise ValueError("only a predicted distribution can be mixed with others")
    counts_ratios = network.mixture.ratios is not None  # else nothing is copied for them
    network.mixture.fill(
        describe_outputs(objective, train_lengths),
        lengths=torch.from_numpy(train_lengths),
        codes=None if train_codes is None else torch.from_numpy(train_codes),
        near=None if near is None else _scale(near),
        stated=None if stated is None else _scale(stated.scaler),
        columns=None if not counts_ratios or stated is None else torch.from_numpy(stated.columns()),
        members=None if terms is None else _members(terms),
    )


def _members(terms: TermFeatures) -> Members:
    arrays = (*terms.members, terms.index.parents())
    return Members(*(torch.from_numpy(array) for array in arrays))


def _scale(scaler: FeatureScaler) -> Scale:
    return Scale(torch.from_numpy(scaler.mean), torch.from_numpy(scaler.deviation))


def describe_outputs(objective: HistogramObjective, train_lengths: NDArray[np.float32]) -> Outputs:
    """What the outputs stand for, from training rows: float32 (rows,), 1/100 inch."""
    bins = objective.bins
    edges = torch.tensor(bins.edges)
    middles = torch.cat(
        [
            torch.tensor([np.median(bins.lower)]),
            (edges[1:] + edges[:-1]) / 2,
            torch.tensor([np.median(bins.upper)]),
        ]
    )
    return Outputs(
        edges,
        objective.targets(middles.exp()).float(),
        objective.initial_bias(train_lengths).softmax(dim=0),
    )
