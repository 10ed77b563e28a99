"""What the tests of the Python API train: columns and unit of their table, a small network."""

QUICK = [
    "data.columns.title=[name,blurb]",
    "data.columns.product_type=kind",
    "data.columns.numbers=year",
    "embeddings=words",
    "embeddings.encoders.words.dimensions=16",
    "features=[types,measurements,numbers]",
    "features.experts=true",
    "loss=histogram",
    "loss.bins=16",
    "model=mlp",
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.min_steps=8",
    "trainer.learning_rate=0.01",
    "trainer.progress=false",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]
