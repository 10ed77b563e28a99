"""The typed configuration of each command, and the rules that hold across its groups."""

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, ValidationError

from product_length.catalogue.config import DataOptions, FileData
from product_length.decision.config import DecisionOption
from product_length.embeddings.config import EmbeddingOptions
from product_length.errors import ConfigError, first_line, whole_text
from product_length.evaluation.config import EvaluationOptions
from product_length.faults import not_numbers, validation_faults
from product_length.features.config import KINDS, FeatureGroup
from product_length.loss.config import LossOptions
from product_length.loss.histogram import Histogram
from product_length.model.config import ModelOptions
from product_length.options import HomePath, Options
from product_length.sweeping.config import StudyName, SweepOptions
from product_length.tracking.config import TrackingOptions
from product_length.training.config import TrainerOptions

AnyConfig = TypeVar("AnyConfig", bound=Options)


class EmbeddingJob(Options):
    """What `python -m product_length.embed` needs: a catalogue and its encoders."""

    cache_dir: HomePath
    data: DataOptions
    embeddings: EmbeddingOptions


class Experiment(EmbeddingJob):
    """Everything that a training run is made from.

    `study` names the sweep it belongs to; `storage`, where its trials are kept, may hold a password
    and is never written down.
    """

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    study: StudyName | None = None
    storage: Annotated[str | None, Field(exclude=True, repr=False)] = None
    sweep: SweepOptions | None = None
    features: FeatureGroup
    loss: LossOptions
    decision: DecisionOption = "auto"
    model: ModelOptions
    trainer: TrainerOptions
    tracking: TrackingOptions
    evaluation: EvaluationOptions

    @property
    def decided_for(self) -> DecisionOption:
        """What a predicted distribution is decided for; auto where the loss emits one length."""
        if self.decision == "auto" and isinstance(self.loss, Histogram):
            return self.data.decision
        return self.decision

    def unread_columns(self) -> Iterator[str]:
        """In words, which columns of the data are read without any feature that uses them."""
        if not isinstance(self.data, FileData):
            return
        used = {key for each in self.features.chosen().values() for key in each.reads}
        for key in ("numbers", "categories"):
            names = getattr(self.data.columns, key)
            if names and key not in used:
                yield (
                    f"data.columns.{key}: {', '.join(names)} "
                    f"{'is' if len(names) == 1 else 'are'} read but no feature uses "
                    f"{'it' if len(names) == 1 else 'them'}: add {key} to features=[…]"
                )


def from_config(config: DictConfig, schema: type[AnyConfig]) -> AnyConfig:
    """The typed form of a composed configuration.

    Raises ConfigError that names every faulty key, with what was given and what is allowed.
    """
    plain = {str(key): value for key, value in config.items_ex(resolve=False) if key != "hydra"}
    visible = OmegaConf.create(plain)
    try:
        missing = sorted(OmegaConf.missing_keys(visible))
        values = OmegaConf.to_container(visible, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(_unresolved(error)) from error
    faults = [f"{key} is required: give {key}=…" for key in missing]
    assert isinstance(values, dict)
    try:
        typed = schema.model_validate(values)
    except ValidationError as error:
        faults += validation_faults(error, values, missing)
    else:
        faults += not_numbers(values, typed.model_dump())
        faults += list(_across_groups(typed)) if isinstance(typed, Experiment) else []
    if faults:
        raise ConfigError(one_message(faults))
    return typed


def _unresolved(error: OmegaConfBaseException) -> str:
    """Which key refers to something that is not there."""
    return f"{error.full_key}: {first_line(error)}" if error.full_key else whole_text(error)


def _across_groups(experiment: Experiment) -> Iterator[str]:
    """Combinations that no single group can see."""
    yield from _neighbours_by_vectors(experiment)
    features, loss = experiment.features, experiment.loss
    yield from (
        f"embeddings.encoders.{name}: is the name of a feature too; give the encoder another name"
        for name in experiment.embeddings.encoders
        if name in KINDS or name in features.custom
    )
    if isinstance(loss, Histogram):
        if features.use_log_target:
            yield (
                "features.use_log_target=true says what the one output of a point loss means; "
                f"loss={loss.name} has bins of log length instead: give "
                "features.use_log_target=false"
            )
    else:
        if experiment.decision != "auto":
            yield (
                f"decision={experiment.decision} needs a predicted distribution; loss={loss.name} "
                "emits one length, decided by training: give decision=auto, or loss=histogram"
            )
        yield from _experts_without_distribution(features, loss.name)
    trainer = experiment.trainer
    if trainer.strategy == "ddp" and trainer.devices == trainer.nodes == 1:
        yield "trainer.strategy=ddp needs trainer.devices of 2 or more, or more trainer.nodes"
    if trainer.strategy != "ddp" and trainer.nodes > 1:
        yield f"trainer.nodes={trainer.nodes} needs trainer.strategy=ddp"
    if trainer.precision == "16-mixed" and trainer.accelerator == "cpu":
        yield "trainer.precision=16-mixed does not run on a CPU; choose 32-true or bf16-mixed"


def _experts_without_distribution(features: FeatureGroup, loss: str) -> Iterator[str]:
    """Experts are mixed with a predicted distribution, which a point loss has none of."""
    asked = [name for name, each in features.chosen().items() if each.has_expert]
    if asked:
        own = [name for name in asked if name not in {"terms", *features.custom}]
        advice = [f"features.{name}.expert=false" for name in own]
        if own and features.experts:
            advice = ["features.experts=false"]
        advice += ["features.terms=null"] if features.terms else []
        advice += [
            f"++features.custom.{name}.options.expert=false"
            for name in asked
            if name in features.custom
        ]
        yield (
            f"features: {', '.join(asked)} predict by themselves, mixed with a predicted "
            f"distribution; loss={loss} emits one length: give {' '.join(advice)}, or "
            "loss=histogram"
        )


def _neighbours_by_vectors(experiment: Experiment) -> Iterator[str]:
    """Neighbours are searched by vectors, which n-grams have none of before training."""
    neighbours, embeddings = experiment.features.neighbours, experiment.embeddings
    if neighbours is None:
        return
    chosen = neighbours.embedding or []
    encoders = list(embeddings.encoders)
    yield from (
        f"features.neighbours.embedding={name}: no such encoder in this run; "
        f"choose one of {', '.join(encoders)}, or add it with embeddings=[…]"
        for name in chosen
        if name not in encoders
    )
    searched = embeddings.with_vectors()
    learned = [name for name in chosen if name in encoders and name not in searched]
    if searched and not learned:
        return
    advice = (
        f"choose features.neighbours.embedding={searched[0]}"
        if searched
        else "add an encoder, as in embeddings=[lsa,ngrams], or choose features=text"
    )
    given = f".embedding={learned[0]}" if learned else ""
    yield (
        f"features.neighbours{given}: neighbours are searched by the vectors of an encoder, and "
        f"those of n-grams are learned in training: {advice}"
    )


def one_message(faults: Sequence[str]) -> str:
    """All faults as one text for a person."""
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} faults:\n" + "\n".join(f"  - {fault}" for fault in faults)
