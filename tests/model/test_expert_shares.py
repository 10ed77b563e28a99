"""The share of each expert in the mixture, and names that a feature may have."""

import math

import pytest
import torch
from builders import Given, batch_of, network_of, text_of

from product_length.features.encoder import Encoder
from product_length.features.expert import Expert, Opinion
from product_length.loss.bin_grid import BinGrid
from product_length.model.config import GatedFusion
from product_length.training.predict import mean_expert_shares


class Scored(Expert):
    """Every bin alike, in parts of these scores; the second row gets none of it."""

    def __init__(self, bins, *scores):
        super().__init__(bins)
        self.scores = torch.tensor(scores)

    def forward(self, batch, hidden, expected):
        flat = torch.full((len(batch), len(self.scores), len(self.bins)), -math.log(len(self.bins)))
        scores = self.scores.repeat(len(batch), 1)
        scores[1] = -torch.inf
        return Opinion(flat, scores, expected)


class Itself(Encoder):
    is_text = True
    width = 3

    def forward(self, column):
        return column


def test_shares_are_those_of_a_softmax_over_all_parts():
    one = Given("keys", make_expert=lambda bins, _: Scored(bins, 1.0, 2.0))
    two = Given("type", make_expert=lambda bins, _: Scored(bins, 0.5))
    network = network_of(text_of("values", 3), one, two, outputs=4, bins=BinGrid.of_size(4))
    batch = batch_of(values=torch.randn(2, 3))
    network.eval()
    shares = network.expert_shares(batch)
    total = 1 + math.exp(1) + math.exp(2) + math.exp(0.5)  # the head's score starts at 0
    keys, kind = (math.exp(1) + math.exp(2)) / total, math.exp(0.5) / total
    assert shares["keys"].tolist() == pytest.approx([keys, 0])
    assert shares["type"].tolist() == pytest.approx([kind, 0])
    means = mean_expert_shares(network, [batch, batch])
    assert means == pytest.approx({"keys": keys / 2, "type": kind / 2})


def test_without_experts_there_are_no_shares():
    network = network_of(text_of("text", 3))
    assert network.expert_shares(batch_of(text=torch.randn(2, 3))) == {}


def test_the_trunk_sees_readings_of_the_text_first():
    class Number(Itself):
        is_text = False
        width = 1

    options = GatedFusion(name="gated_fusion", width=8, hidden=[4])
    network = network_of(Given("number", Number), Given("text", Itself), options=options)
    assert network.widths == {"text": 3, "number": 1}
    batch = batch_of(number=torch.randn(2, 1), text=torch.randn(2, 3))
    assert network.eval()(batch).shape == (2, 1)
