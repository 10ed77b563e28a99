"""What a run trains: its inputs side by side, the objective, and the untrained network."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.embeddings.embed import Embedding
from product_length.experiment import Experiment
from product_length.features.describe import Features
from product_length.model.architecture import Architecture
from product_length.model.network import LengthNetwork
from product_length.model.trunk import parameter_count
from product_length.training.batches import Inputs
from product_length.training.objective import Objective, build_objective
from product_length.training.priors import fill_priors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assembly:
    """The parts of a run that are made for each other; `parameters`: numbers that are trained."""

    inputs: Inputs
    objective: Objective
    architecture: Architecture
    network: LengthNetwork
    parameters: int


def assemble(
    experiment: Experiment,
    catalogue: Catalogue,
    embeddings: Sequence[Embedding],
    features: Features,
) -> Assembly:
    """Put together what `experiment` asks for; its seed decides the network's first weights."""
    near, stated = features.neighbours, features.dimensions
    inputs = Inputs(
        embeddings=tuple(embedding.vectors for embedding in embeddings),
        types=features.codes,
        neighbours=None if near is None else near.block,
        lengths=catalogue.lengths,
        dimensions=None if stated is None else stated.block,
        terms=None if features.terms is None else features.terms.block,
    )
    train_rows = catalogue.rows(TRAIN)
    train_lengths = catalogue.lengths[train_rows]
    objective = build_objective(
        experiment.loss, train_lengths, log_target=experiment.features.use_log_target
    )
    options = experiment.model.for_rows(len(train_rows))
    if features.terms is None:  # not asked for, or too few rows to count words of
        options = options.without("terms")
    architecture = Architecture(
        options=options,
        embedding_dims=[embedding.width for embedding in embeddings],
        bags={
            place: bag
            for place, embedding in enumerate(embeddings)
            if (bag := embedding.encoder.bag) is not None
        },
        type_count=None if features.vocabulary is None else features.vocabulary.size,
        type_options=experiment.features.type,
        neighbour_width=None if near is None else near.block.shape[1],
        knn_options=experiment.features.knn,
        outputs=objective.outputs,
        dimension_width=None if stated is None else stated.block.shape[1],
        dimension_options=experiment.features.dimensions,
        term_entries=None if features.terms is None else features.terms.index.entries,
    )
    torch.manual_seed(experiment.seed)
    network = architecture.build(objective.initial_bias(train_lengths))
    fill_priors(
        network,
        objective,
        train_lengths,
        None if features.codes is None else features.codes[train_rows],
        None if near is None else near.lookup.scaler,
        None if stated is None else stated.stated_by(train_rows),
        features.terms,
    )
    parameters = parameter_count(network)
    log.info(
        "%s: %s parameters, dropout %.2g, of inputs %.2g",
        options.name,
        f"{parameters:,}",
        options.dropout,
        options.input_dropout,
    )
    return Assembly(inputs, objective, architecture, network, parameters)
