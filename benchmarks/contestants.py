"""The recipes that benchmarks/catalogues.py compares, each by its overrides."""

# The reference is the mlp with MAPE, log target and neighbours, at its best learning rate.
_REFERENCE = ["experiment=log_target", "trainer.learning_rate=3e-4", "trainer.min_steps=12"]
_BEST = ["experiment=best"]
_NO_EXPERTS = ["features.experts=false", "features.terms=null"]
_ONE_LENGTH = ["loss=mape", "features.use_log_target=true", *_NO_EXPERTS]
_DROPOUT = ["model.dropout=0.5", "model.input_dropout=0.4"]
RECIPES = {
    "reference": _REFERENCE,
    "reference, dropout as in best": [*_REFERENCE, *_DROPOUT],
    "best": _BEST,
    "best, no stated measurements": [*_BEST, "features.measurements=null"],
    "best, no neighbours": [*_BEST, "features.neighbours=null"],
    "best, near by text alone": [*_BEST, "features.neighbours.type_weight=0"],
    "best, no type": [*_BEST, "features.types=null", "features.neighbours.type_weight=0"],
    "best, no experts": [*_BEST, *_NO_EXPERTS],
    "best, no expert of neighbours": [*_BEST, "features.neighbours.expert=false"],
    "best, no expert of types": [*_BEST, "features.types.expert=false"],
    "best, no expert of ratios": [*_BEST, "features.measurements.ratios=false"],
    "best, no expert of measurements": [*_BEST, "features.measurements.expert=false"],
    "best, no tilts": [*_BEST, "features.types.tilt=false", "features.terms.tilt=false"],
    "best, no terms": [*_BEST, "features.terms=null"],
    "best, terms however few the rows": [*_BEST, "features.terms.min_train_rows=0"],
    "best, usual dropout": [*_BEST, "model.dropout=0.2", "model.input_dropout=0"],
    "best, one length by MAPE": [*_BEST, *_ONE_LENGTH],
    "best, words and characters": [*_BEST, "embeddings=lsa"],
    "best, learned n-grams too": [*_BEST, "embeddings=[words,ngrams]"],
}
