"""All features of a run: fitted on training rows, kept in a checkpoint, read back."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.products import Products
from product_length.catalogue.split import SPLIT_NAMES, TEST, TRAIN, VAL
from product_length.embeddings.embed import Embedding
from product_length.embeddings.encoder import load_encoder
from product_length.errors import UserError, reason_of
from product_length.features.columns import Columns
from product_length.features.config import KINDS, FeatureGroup, options_of
from product_length.features.feature import Feature, FeatureOptions, Fitted, Training
from product_length.features.left_out import repeated_texts
from product_length.features.text.feature import TextFeature
from product_length.log_file import log_to_file
from product_length.unseen import any_of, are_beyond, counted, log_unseen

log = logging.getLogger(__name__)

_TEXT = "text"
"""The kind of a text encoder in a checkpoint; any other is of `options_of`."""
_ADVICE = "they are harder to predict than products like the training rows"


@dataclass(frozen=True)
class KeptFeature:
    """A feature, and what a checkpoint needs to make it again."""

    feature: Feature
    kind: str
    options: Mapping[str, Any]

    def with_options(self, chosen: Mapping[str, FeatureOptions]) -> KeptFeature:
        """The same with what is chosen for it, by its name, if it differs."""
        options = chosen.get(self.feature.name)
        if options is None or (plain := options.model_dump(mode="json")) == self.options:
            return self
        return KeptFeature(self.feature.with_options(options), self.kind, plain)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and strings only, see `load_features`."""
        return {"kind": self.kind, "options": dict(self.options), "state": self.feature.state()}


@dataclass(frozen=True)
class FittedFeatures:
    """The features of a run, text encoders first, and what they and others may be fitted on."""

    kept: tuple[KeptFeature, ...]
    training: Training

    def with_options(self, group: FeatureGroup) -> FittedFeatures:
        """The same, with options of the network as `group` has them; what is fitted stays."""
        chosen = group.chosen()
        return replace(self, kept=tuple(each.with_options(chosen) for each in self.kept))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features themselves."""
        return tuple(each.feature for each in self.kept)

    @property
    def columns(self) -> Columns:
        """Of all rows, by the name of each feature."""
        return self.training.columns


def fit_features(
    catalogue: Catalogue,
    embeddings: Sequence[Embedding],
    group: FeatureGroup,
    store: ArtefactStore,
) -> FittedFeatures:
    """Fit all that `group` asks for on the training rows; the lengths of others are not seen."""
    rows = catalogue.rows(TRAIN)
    texts = [TextFeature(each.encoder) for each in embeddings]
    columns: dict[str, NDArray[Any]] = {each.name: each.vectors for each in embeddings}
    kept = [KeptFeature(each, _TEXT, {}) for each in texts]
    training = Training(
        products=catalogue,
        rows=rows,
        lengths=catalogue.model_lengths[rows],
        columns=columns,  # grows: each feature sees those before it
        addresses={e.name: e.encoder.address for e in embeddings if e.encoder.bag is None},
        store=store,
        repeated_texts=repeated_texts(catalogue.text_keys, rows),
    )
    for name, options in group.chosen().items():
        kind = group.kind_of(name)
        if kind in KINDS:
            fitted = options.fit(training)
        else:
            with _named(f"features.custom.{name}: {kind}"):
                fitted = _checked(options.fit(training), name, len(catalogue))
        if fitted is not None:
            feature, columns[name] = fitted
            kept.append(KeptFeature(feature, kind, options.model_dump(mode="json")))
    found = FittedFeatures(tuple(kept), training)
    _log_unseen(catalogue, found)
    return found


@contextmanager
def _named(feature: str) -> Iterator[None]:
    """Whatever a feature of one's own raises becomes a UserError that names it.

    The traceback goes to the run's log file: the fault is in code of one's own.
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{feature}: {error}") from error
    except Exception as error:
        log_to_file(log, logging.ERROR, f"{feature} failed", error)
        *_, last = traceback.extract_tb(error.__traceback__)
        place = f"{Path(last.filename).name}, line {last.lineno}"
        raise UserError(f"{feature}: {reason_of(error)} ({place})") from error


def _checked(fitted: Fitted | None, name: str, rows: int) -> Fitted | None:
    """What a feature of one's own was fitted to. Raises UserError where that cannot be used."""
    if fitted is None:
        return None
    feature, column = fitted
    if feature.name != name:
        raise UserError(
            f"its feature calls itself {feature.name}: write features.custom.{feature.name}"
        )
    if len(column) != rows:
        raise UserError(f"its column has {len(column):,} rows, the catalogue has {rows:,}")
    return fitted


def transformed(
    features: Iterable[Feature], products: Products, columns: Columns
) -> dict[str, NDArray[Any]]:
    """The column of each feature for new products; those in `columns` are there already."""
    found = dict(columns)
    for feature in features:
        if feature.name not in found:
            found[feature.name] = feature.transform(products, found)
    return {feature.name: found[feature.name] for feature in features}


def load_features(
    states: Sequence[Mapping[str, Any]], models: Mapping[str, str], device: str
) -> Iterator[KeptFeature]:
    """The features of a checkpoint, from the `state` of each.

    `models` gives another place of a sentence encoder's model, by the encoder's name; `device` is
    where text encoders run. Raises UserError when an encoder cannot be loaded, or a feature of
    one's own cannot be imported; ValueError where options do not suit.
    """
    for each in states:
        kind, options, state = each["kind"], each["options"], each["state"]
        if kind == _TEXT:
            name = state["name"]
            encoder = load_encoder(
                state, models.get(name), setting=f"encoders.{name}", device=device
            )
            yield KeptFeature(TextFeature(encoder), kind, options)
        elif kind in KINDS:
            yield KeptFeature(options_of(kind, options).restore(state), kind, options)
        else:
            try:
                typed = options_of(kind, options)
            except ValueError as error:
                raise UserError(f"the checkpoint has a feature of its own: {error}") from error
            with _named(f"the checkpoint's feature {kind}"):
                feature = typed.restore(state)
            yield KeptFeature(feature, kind, options)


def text_encoder_names(states: Sequence[Mapping[str, Any]]) -> list[str]:
    """The text encoders among the features of a checkpoint, in order."""
    return [each["state"]["name"] for each in states if each["kind"] == _TEXT]


def unseen_by(
    features: Iterable[Feature], products: Products, columns: Columns
) -> dict[str, NDArray[np.bool_]]:
    """Rows, bool (rows,), with what training did not know, by what is said of them in words."""
    return any_of(feature.unseen(products, columns[feature.name]) for feature in features)


def _log_unseen(catalogue: Catalogue, fitted: FittedFeatures) -> None:
    """Say what val and test rows have that no training row prepares for."""
    lengths = fitted.training.lengths
    reach = float(lengths.min()), float(lengths.max())
    # Encoders have said by themselves in which texts they know nothing.
    features = [each for each in fitted.features if each.text_encoder is None]
    for split in (VAL, TEST):
        rows = catalogue.rows(split)
        if len(rows):
            some = {each.name: fitted.columns[each.name][rows] for each in features}
            found = unseen_by(features, catalogue.take(rows), some)
            beyond = are_beyond(catalogue.model_lengths[rows], reach)
            found["have a length beyond those of all training rows"] = beyond
            log_unseen(log, SPLIT_NAMES[split], len(rows), counted(found), _ADVICE)
