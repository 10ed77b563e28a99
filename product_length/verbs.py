"""The verbs: what `product-length VERB` can do, one line each, in the order of their use."""

VERBS = {
    "profile": "show what a catalogue holds, before any training, and what to set for it",
    "train": "train and evaluate a recipe; with -m many recipes, which are compared",
    "embed": "compute the text embeddings ahead of training",
    "predict": "write the lengths of a table's products to a file",
    "export": "write a model as a folder that travels: safetensors, JSON and a model card",
    "serve": "predict over HTTP, with a page for people to try",
    "audit": "find the labels of a catalogue that are probably wrong, and the slip that fits",
    "report": "compare finished runs: which recipe is best, by how much, and is it luck",
}
"""What each verb does. A verb is the module of that name: `python -m product_length.VERB`."""
WITHOUT_KEYS = frozenset({"report"})
"""Verbs that take folders and flags, not `key=value`."""
