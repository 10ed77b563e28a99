"""A feature of one's own: how many words a title has. No file of product_length knows it."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
import torch

from product_length.features.encoder import NumbersEncoder
from product_length.features.expert import Expert, Opinion
from product_length.features.feature import Feature, FeatureOptions
from product_length.features.left_out import LeftOut
from product_length.features.scaler import Scaler
from product_length.features.zero_linear import zero_linear


class TitleWordsOptions(FeatureOptions):
    width: int = 8
    expert: bool = True

    def fit(self, training):
        column = count_words(training.products)
        most = int(column[training.rows].max())
        return TitleWords(self, Scaler.fit(column, training.rows), most), column

    def restore(self, state):
        return TitleWords(self, Scaler.from_state(state["scaler"]), state["most"])


@dataclass(frozen=True)
class TitleWords(Feature):
    options: TitleWordsOptions
    scaler: Scaler
    most: int
    name = "title_words"

    def transform(self, products, columns):
        return count_words(products)

    def encoder(self):
        return NumbersEncoder(self.scaler, self.options.width)

    def expert(self, bins, width):
        return TitleWordsExpert(bins, width, self.most) if self.options.expert else None

    def unseen(self, products, column):
        return {"have a title of more words than any training row": column[:, 0] > self.most}

    def state(self):
        return {"scaler": self.scaler.state(), "most": self.most}


class TitleWordsExpert(Expert):
    """The lengths of the training rows whose titles have as many words."""

    def __init__(self, bins, width, most):
        super().__init__(bins)
        self.gate = zero_linear(width, 1)
        self.register_buffer("counts", torch.zeros(most + 1, len(bins)))
        self.left_out = LeftOut()

    def fit(self, training):
        words = torch.from_numpy(training.columns["title_words"][training.rows, 0]).long()
        lengths = torch.from_numpy(training.lengths)
        self.counts.copy_(self.bins.counted(words, lengths, len(self.counts)))
        self.left_out.fit(training, torch.arange(len(words)), words, self.bins)

    def forward(self, batch, hidden, expected):
        words = batch["title_words"][:, 0].long().clamp(max=len(self.counts) - 1)
        counts = self.counts[words]
        if self.leaves_out(batch):  # a training row is no witness of its own length
            counts = (counts - self.left_out(batch, words, self.bins)).clamp(min=0)
        shares = counts + self.bins.marginal
        logs = (shares / shares.sum(dim=1, keepdim=True)).log()
        return Opinion(logs[:, None], self.gate(hidden), expected)


def count_words(products):
    words = pc.count_substring_regex(products.fields()["title"], r"\S+")
    return words.to_numpy().astype(np.float32)[:, None]
