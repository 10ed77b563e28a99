"""What a feature is: the one thing that model, training, prediction and checkpoints know of it.

A feature is one thing that is known of a product, as an array with a row for each. It is fitted on
training rows and the same for new products. What the trunk sees of it is its encoder's, what it
predicts by itself its expert's. Importing this module does not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import Self

from product_length.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from product_length.artefacts import ArtefactStore, Json
    from product_length.catalogue.products import Products
    from product_length.embeddings.encoder import Encoder as TextEncoder
    from product_length.features.columns import Columns
    from product_length.features.encoder import Encoder
    from product_length.features.expert import Expert
    from product_length.features.reason import Reason
    from product_length.loss.bin_grid import BinGrid


@dataclass(frozen=True)
class Training:
    """All that a feature, or an expert, may be fitted on.

    products: all rows. rows: int64 (n,), ascending, the training rows. lengths: float32 (n,), of
    these only, in the model's unit, see `CatalogueUnit.in_model_units`. columns: of the features
    that are fitted already, all rows. addresses: what columns that are kept on disk were made from.
    store: where what takes long is kept. repeated_texts: int64, of all rows, see the function of
    that name; None where no text is repeated among the training rows.
    """

    products: Products
    rows: NDArray[np.int64]
    lengths: NDArray[np.float32]
    columns: Columns
    addresses: Mapping[str, Json]
    store: ArtefactStore
    repeated_texts: NDArray[np.int64] | None = None


class Feature(ABC):
    """One thing that is known of a product."""

    name: str
    """Of its column, and of its key under `features`."""
    text_encoder: TextEncoder | None = None
    """Whose vectors the column holds; they are encoded for a whole file, and kept on disk."""

    @abstractmethod
    def transform(self, products: Products, columns: Columns) -> NDArray[Any]:
        """The column (rows, …) of products that it was not fitted on.

        `columns`: of the features before this one, for the same products.
        """

    def encoder(self) -> Encoder | None:
        """What turns a batch of the column into numbers for the trunk; None: it sees nothing."""
        return None

    def expert(self, bins: BinGrid, width: int) -> Expert | None:  # noqa: ARG002
        """What it predicts by itself, for the mixture; None: nothing.

        `bins`: what distributions are over; `width`: of the trunk's output.
        """
        return None

    def unseen(
        self,
        products: Products,  # noqa: ARG002
        column: NDArray[Any],  # noqa: ARG002
    ) -> Mapping[str, NDArray[np.bool_]]:
        """Rows, bool (rows,), with what training did not know, by what is said of them in words."""
        return {}

    def reasons(
        self,
        products: Products,
        columns: Columns,  # noqa: ARG002
    ) -> Sequence[Reason | None]:
        """What a person is shown of each product, one Reason a row; None: nothing to say.

        `columns`: of all features, for the same products.
        """
        return [None] * len(products)

    def choices(self) -> Mapping[str, Sequence[str]]:
        """Values that training knows, the most frequent first, for a person to pick from.

        By "product_type", or the name of a column of categories.
        """
        return {}

    def with_options(self, options: FeatureOptions) -> Self:
        """The same, with other options `of_network`: what is fitted stays.

        A feature that has such options is a dataclass with a field `options`.
        """
        return replace(self, options=options)  # type: ignore[type-var]

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Tensors, numbers and strings only, for a checkpoint; `FeatureOptions.restore` reads it.

        The options and the weights of encoder and expert are kept beside it.
        """


Fitted = tuple[Feature, "NDArray[Any]"]
"""A feature, and its column (rows, …) of all rows."""


class FeatureOptions(Options):
    """What the configuration says of a feature."""

    of_network: ClassVar[frozenset[str]] = frozenset()
    """Options that shape the network only: what is fitted does not depend on them."""
    reads: ClassVar[frozenset[str]] = frozenset()
    """The keys below `data.columns` that only some features read: `numbers`, `categories`."""

    @property
    def has_expert(self) -> bool:
        """Whether the feature predicts by itself: its option `expert`, where it has one."""
        return bool(getattr(self, "expert", False))

    def fit(self, training: Training) -> Fitted | None:
        """Fit the feature; None, which is said, where there are too few rows for it.

        Raises UserError for what a person can fix.
        """
        raise NotImplementedError

    def restore(self, state: Mapping[str, Any]) -> Feature:
        """The feature whose `state` this was. Raises UserError where this version cannot."""
        raise NotImplementedError
