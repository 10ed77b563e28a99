"""Prediction: order, independence of the batch size, nothing left of training."""

import numpy as np
import torch
from fitting_problem import Problem

from product_length.training.batches import OrderedBatches
from product_length.training.predict import decided, predict_raw


def test_rows_keep_their_order_whatever_the_batches(problem: Problem) -> None:
    network = problem.network()
    torch.nn.init.normal_(network.head.weight)
    network.train()
    rows = np.array([9, 3, 200, 3, 41])
    predictions = [
        decided(problem.objective, predict_raw(network, OrderedBatches(problem.inputs, rows, size)))
        for size in (1, 2, 5, 100)
    ]
    for predicted in predictions:
        assert predicted.dtype == np.float32
        assert predicted.shape == (5,)
        np.testing.assert_allclose(predicted, predictions[0], rtol=1e-5)
    assert len(np.unique(predictions[0])) == 4
    with torch.no_grad():
        direct = problem.objective.lengths(network.eval()(problem.inputs.take(rows)))
    np.testing.assert_allclose(predictions[0], direct.numpy(), rtol=1e-5)


def test_lengths_are_not_needed(problem: Problem) -> None:
    unknown = type(problem.inputs)(
        problem.inputs.embeddings, problem.inputs.types, problem.inputs.neighbours, None
    )
    network, rows = problem.network(), np.arange(20)
    known = decided(
        problem.objective, predict_raw(network, OrderedBatches(problem.inputs, rows, 8))
    )
    blind = decided(problem.objective, predict_raw(network, OrderedBatches(unknown, rows, 8)))
    np.testing.assert_array_equal(blind, known)
    # An untrained network predicts the best constant.
    assert problem.inputs.lengths is not None
    start = problem.objective.initial_bias(problem.inputs.lengths[problem.train_rows])
    constant = problem.objective.lengths(start[None]).item()
    np.testing.assert_allclose(known, constant, rtol=1e-6)


def test_no_rows_no_lengths(problem: Problem) -> None:
    none = OrderedBatches(problem.inputs, np.arange(0), 8)
    assert decided(problem.objective, predict_raw(problem.network(), none)).shape == (0,)
