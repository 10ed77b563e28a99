"""Parts of a run's report that say what it was made of: its rows, its features."""

from collections.abc import Iterable, Sequence

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import SPLIT_NAMES
from product_length.evaluation.records import DataRecord, FeatureRecord
from product_length.experiment import Experiment
from product_length.features.columns import Batch
from product_length.features.feature import Feature
from product_length.model.network import LengthNetwork
from product_length.training.predict import mean_expert_shares


def feature_records(
    features: Sequence[Feature], network: LengthNetwork, batches: Iterable[Batch], device: str
) -> list[FeatureRecord]:
    """What the network knew of a product; shares of experts are means over `batches`."""
    shares = mean_expert_shares(network, batches, device)
    return [
        FeatureRecord(
            name=each.name,
            width=network.widths.get(each.name, 0),
            expert_share=shares.get(each.name),
        )
        for each in features
    ]


def data_record(experiment: Experiment, catalogue: Catalogue) -> DataRecord:
    """Which rows the run was made of."""
    return DataRecord(
        source=catalogue.reading.source,
        fingerprint=catalogue.fingerprint,
        min_length=experiment.data.min_length,
        max_length=experiment.data.max_length,
        rows={name: len(catalogue.rows(split)) for split, name in enumerate(SPLIT_NAMES)},
        reading=catalogue.reading.to_json(),
    )
