"""Config keys that have other names now."""

RENAMED = {
    "model.priors": "features.experts=true, or of each feature features.types.expert, "
    "features.neighbours.expert, features.measurements.expert (and features=[…,terms])",
    "model.tilt": "features.types.tilt and features.terms.tilt",
    "features.type": "features.types",
    "features.type.dimensions": "features.types.width",
    "features.knn": "features.neighbours",
    "features.knn.projection": "features.neighbours.width",
    "features.dimensions": "features.measurements",
    "features.dimensions.candidates": "features.measurements.max_measurements",
    "features.dimensions.projection": "features.measurements.width",
    "features.terms.most": "features.terms.top_k",
    "features.terms.entries": "features.terms.max_terms",
    "features.terms.least_rows": "features.terms.min_train_rows",
}
"""New words by the old key. A key below an old one has moved with it."""


def renamed(key: str) -> str | None:
    """What to write in place of a dotted key that was renamed; None for any other key."""
    above, below = key, ""
    while above not in RENAMED:
        above, dot, name = above.rpartition(".")
        if not dot:
            return None
        below = f".{name}{below}"
    now = RENAMED[above]
    return now if " " in now else f"{now}{below}"
