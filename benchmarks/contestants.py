"""The recipes that benchmarks/crossval.py compares, and on which rows of a catalogue."""

TRACKS = {
    "all lengths": [],
    "up to 5000": ["data.max_length=5000"],
    "40–5000": ["data.min_length=40", "data.max_length=5000"],
}


def _priors(*chosen: str) -> list[str]:
    words = [f"model.priors=[{','.join(chosen)}]"]
    return words if "terms" in chosen else [*words, "features.terms=null"]


# The reference is the mlp with MAPE, log target and neighbours, at its best learning rate.
_REFERENCE = ["experiment=log_target", "trainer.learning_rate=3e-4", "trainer.min_steps=12"]
_BEST = ["experiment=best"]
_ONE_LENGTH = ["loss=mape", "features.use_log_target=true", *_priors()]
_DROPOUT = ["model.dropout=0.5", "model.input_dropout=0.4"]
MINILM = "embeddings=[words,minilm]"
RECIPES = {
    "reference": _REFERENCE,
    "reference, dropout as in best": [*_REFERENCE, *_DROPOUT],
    "best": _BEST,
    "best, no stated measurements": [
        *_BEST,
        "features=knn",
        "features.knn.type_weight=1",
        *_priors("neighbours", "types", "terms"),
    ],
    "best, no neighbours": [
        *_BEST,
        "features=dimensions",
        *_priors("types", "dimensions", "ratios", "terms"),
    ],
    "best, near by text alone": [*_BEST, "features.knn.type_weight=0"],
    "best, no type": [
        *_BEST,
        "features.type=null",
        "features.knn.type_weight=0",
        *_priors("neighbours", "dimensions", "ratios", "terms"),
    ],
    "best, no priors": [*_BEST, *_priors()],
    "best, no prior of neighbours": [*_BEST, *_priors("types", "dimensions", "ratios", "terms")],
    "best, no prior of types": [*_BEST, *_priors("neighbours", "dimensions", "ratios", "terms")],
    "best, no prior of ratios": [*_BEST, *_priors("neighbours", "types", "dimensions", "terms")],
    "best, no prior of measurements": [*_BEST, *_priors("neighbours", "types", "terms")],
    "best, no tilts": [*_BEST, "model.tilt=false"],
    "best, terms however few the rows": [*_BEST, "features.terms.least_rows=0"],
    "best, usual dropout": [*_BEST, "model.dropout=0.2", "model.input_dropout=0"],
    "best, one length by MAPE": [*_BEST, *_ONE_LENGTH],
    "best, words and characters": [*_BEST, "embeddings=lsa"],
    "best, learned n-grams too": [*_BEST, "embeddings=[words,ngrams]"],
    "reference, MiniLM too": [*_REFERENCE, MINILM],
    "best, MiniLM too": [
        *_BEST,
        MINILM,
        "features.knn.embedding=[words,minilm]",
        "features.knn.type_weight=0",
    ],
    "best, MiniLM and near by type too": [*_BEST, MINILM, "features.knn.embedding=[words,minilm]"],
}
# Rivals see all that a network can see.
SEEN_BY_RIVALS = ["features=full"]
