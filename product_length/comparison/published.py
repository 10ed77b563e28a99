"""The figures that the reference implementation claims, and which recipe each belongs to."""

from dataclasses import dataclass

from product_length.comparison.recipe import Config

PUBLISHED_ROWS = "2.25 million products"
_MAX_LENGTH = 5000


@dataclass(frozen=True)
class Published:
    """A claimed val MAPE (fraction) on lengths ≤ 5000; `rough` where it is only known roughly."""

    mape: float
    rough: bool


# By loss and whether the target is log1p(length). Source: the reference's README; the network is
# its MLP with the lengths of neighbours.
_FIGURES = {
    ("huber", False): Published(0.94, rough=False),
    ("mape", False): Published(0.59, rough=False),
    ("mape", True): Published(0.518, rough=False),
    ("rmsle", True): Published(0.55, rough=True),
    ("combined", True): Published(0.53, rough=True),
    ("log_mape", True): Published(0.53, rough=True),
    ("weighted_mape", True): Published(0.54, rough=True),
    ("focal_mape", True): Published(0.54, rough=True),
    ("smape", False): Published(2.66, rough=True),
}


def published_figure(config: Config) -> Published | None:
    """What is claimed for the recipe of a resolved configuration; None when nothing is."""
    model, features, loss = (_part(config, group) for group in ("model", "features", "loss"))
    if model.get("name") != "mlp" or not features.get("neighbours"):
        return None
    return _FIGURES.get((str(loss.get("name")), features.get("use_log_target") is True))


def published_note(length_range: str, min_length: float | None, max_length: float | None) -> str:
    """Whether the figures may be held against runs on a range of lengths in 1/100 inch."""
    caution = (
        f"The published figures come from {PUBLISHED_ROWS}: a smaller catalogue cannot be held "
        "against them."
    )
    if max_length == _MAX_LENGTH and min_length is None:
        return f"Comparable in length range (lengths ≤ {_MAX_LENGTH}). {caution}"
    published = f"published is lengths ≤ {_MAX_LENGTH}"
    return f"Not comparable (other lengths: {length_range}, {published}). {caution}"


def _part(config: Config, group: str) -> Config:
    part = config.get(group)
    return part if isinstance(part, dict) else {}
