"""What the page shows of a served model and of its answers."""

from __future__ import annotations

from collections.abc import Sequence

from product_length.evaluation.wording import percent
from product_length.pages.serve import Form, FrontPage, ProductAnswer
from product_length.serving.card import Evaluation, Metric, ModelCard
from product_length.serving.service import Answer, Service

_SHOWN_METRICS = 4
_DECIDED = {
    "mape": "decided for MAPE: the value with the least expected relative error",
    "rmsle": "decided for RMSLE",
    "median": "the median of what is likely",
    "mean": "the mean of what is likely",
    "smape": "decided for SMAPE",
}


def front_of(service: Service, card: ModelCard) -> FrontPage:
    """The page before anything is asked."""
    inputs = service.inputs
    evaluation = card.members[0].evaluation if len(card.members) == 1 else None
    facts = [("Checkpoint", ", ".join(each.checkpoint for each in card.members))]
    facts.append(("Knows of a product", ", ".join(card.members[0].features)))
    facts.append(("Loss", ", ".join(dict.fromkeys(each.loss for each in card.members))))
    if evaluation is not None:
        rows = ", ".join(f"{count:,} {name}" for name, count in evaluation.rows.items())
        facts += [("Trained on", evaluation.data), ("Rows", rows)]
    remarks = [
        f"{name}: {remark}"
        for name, split in ({} if evaluation is None else evaluation.splits).items()
        for remark in split.remarks
    ]
    return FrontPage(
        target=card.target,
        unit=card.unit,
        form=Form(
            inputs.fields,
            inputs.product_type,
            inputs.numbers,
            inputs.categories,
            inputs.choices,
        ),
        facts=facts,
        metrics=[] if evaluation is None else _metrics(evaluation),
        remarks=remarks,
    )


def _metrics(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    titles = [each.title for split in evaluation.splits.values() for each in split.metrics]
    found = []
    for title in list(dict.fromkeys(titles))[:_SHOWN_METRICS]:
        val, test = (
            _value(split.metrics if split else (), title)
            for split in (evaluation.splits.get(name) for name in ("val", "test"))
        )
        if (val, test) != ("–", "–"):
            found.append((title, val, test))
    return found


def _value(metrics: Sequence[Metric], title: str) -> str:
    for each in metrics:
        if each.title == title and each.value is not None:
            value = _number(each, each.value)
            if each.low is None or each.high is None:
                return value
            return f"{value} ({_number(each, each.low)} to {_number(each, each.high)})"
    return "–"


def _number(metric: Metric, value: float) -> str:
    return percent(value) if metric.is_percentage else f"{value:.3f}"


def shown_answer(answer: Answer, service: Service, level: float | None) -> ProductAnswer:
    """An answer as the page shows it; `level`: of its interval."""
    decision = service.ensemble.decision
    found = answer.distribution
    return ProductAnswer(
        target=service.ensemble.target,
        unit=service.ensemble.unit,
        length=answer.length,
        level=level,
        ends=answer.ends,
        decided="" if decision == "auto" else _DECIDED[decision],
        unseen=answer.unseen,
        explanation=answer.explanation,
        fields=answer.fields,
        probabilities=None if found is None else found.probabilities[0].double().numpy(),
        edges=None if found is None else found.edges.double().numpy(),
    )
