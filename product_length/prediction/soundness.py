"""Whether a checkpoint's recipe is whole: that nothing is missing, and that its parts fit."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from product_length.catalogue.products import one_product
from product_length.prediction.predictor import Predictor
from product_length.training.predict import decided

_TEXT = "brass hose 12 inch"
_NOT_HELD = "sentence_transformer"
"""Kind of encoder that has a model's folder to load before its first text."""


def check_sound(predictor: Predictor, state: Mapping[str, Any]) -> None:
    """Raises ValueError where the parts of `predictor`, made from `state`, do not fit together.

    It predicts for one made-up product, so whatever else is raised is a fault of its parts as well.
    """
    usual = state["usual_lengths"]
    if not (usual.ndim == 1 and len(usual) and usual.isfinite().all() and (usual > 0).all()):
        raise ValueError("usual_lengths should be one length or more, finite and above 0")
    if not (usual.diff() > 0).all():
        raise ValueError("usual_lengths should ascend")
    if predictor.network.head.out_features != predictor.objective.outputs:
        raise ValueError(
            f"objective has {predictor.objective.outputs} outputs, the network has "
            f"{predictor.network.head.out_features}"
        )
    _predict_one(predictor, state)


def _predict_one(predictor: Predictor, state: Mapping[str, Any]) -> None:
    products = one_product(_TEXT, predictor.recipe, predictor.unit)
    vectors: dict[str, Any] = {}
    for feature, kept in zip(predictor.features, state["features"], strict=True):
        encoder = feature.text_encoder
        if encoder is not None and kept["state"]["kind"] == _NOT_HELD:
            vectors[encoder.name] = np.zeros((1, encoder.dimension), encoder.dtype)
    columns = predictor.transform(products, vectors)
    raw = predictor.raw(columns, torch.device("cpu"))
    length = decided(predictor.objective, raw, predictor.decision)
    if not (np.isfinite(length).all() and (length > 0).all()):
        raise ValueError(f"its network predicts a length of {length[0]}")
    if predictor.calibration is not None:
        predictor.calibration.coverage(0.9)


def layout(value: Any, name: str = "") -> dict[str, str]:
    """Of everything in nested dicts and lists: by its name, what it is, and how large."""
    found = {name: _kind(value)} if name else {}
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        parts = enumerate(value)
    for key, part in parts:
        found |= layout(part, f"{name}.{key}" if name else str(key))
    return found


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return f"list of {len(value)}" if isinstance(value, list) else type(value).__name__


def check_layout(value: Any, wanted: Mapping[str, str]) -> None:
    """Raises ValueError that lists what of `value` is not as `layout` found it."""
    found = layout(value)
    faults = [
        f"{name} is {found.get(name, 'missing')}, was {wanted.get(name, 'not there')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError("; ".join(faults[:3]) + more)
