"""The card of an exported model, in Markdown: what it is for, how good it is, where it is not."""

import html
from collections.abc import Iterator, Sequence
from typing import Any

from product_length.evaluation.metrics import METRICS, metrics_in
from product_length.evaluation.records import Report
from product_length.evaluation.wording import (
    count,
    decision_in_words,
    metric_title,
    metric_with_range,
    percent,
    points,
    row_count,
)
from product_length.prediction.predictor import Predictor
from product_length.version import __version__

_HEAD = f"""---
library_name: product_length
pipeline_tag: tabular-regression
tags: [product_length, regression, product-catalogue]
---
<!-- Written by product_length {__version__}. -->
"""


def model_card(predictor: Predictor, report: Report | None, name: str) -> str:
    """The card of a model; without its run's report it says so, and has no metrics.

    `name`: of the folder that is written.
    """
    what = f"{predictor.columns.length} in {predictor.unit}"
    parts = [
        f"{_HEAD}\n# {_text(name)}: {_text(what)}",
        f"Predicts the column `{_code(predictor.columns.length)}` of a product, in "
        f"{_text(str(predictor.unit))}, from its texts and other columns.",
        *(_measured(report) if report else [_UNKNOWN]),
        _inputs(predictor),
        _limits(predictor, report),
        _use(predictor, name),
    ]
    return "\n\n".join(parts) + "\n"


_UNKNOWN = (
    "Metrics are not known: the checkpoint was exported without its run's folder, whose "
    "`report.json` has them."
)


def _measured(report: Report) -> Iterator[str]:
    yield "## Data\n\n" + _bullets(
        [
            f"Source: {_text(report.data.source.rsplit('/', 1)[-1])}, {_text(report.length_range)}",
            "Rows: "
            + ", ".join(f"{count(rows)} {name}" for name, rows in report.data.rows.items()),
            f"Fingerprint of rows, texts, types and lengths: `{report.data.fingerprint}`",
        ]
    )
    splits = report.splits
    confidence = f"{100 * report.resampling.confidence:g}%"
    rows = [
        [metric_title(each, report.bands, report.quantity.unit)]
        + [metric_with_range(each, split.metrics[each.name]) for split in splits.values()]
        for each in metrics_in(report.bands)
    ]
    yield (
        f"## Metrics\n\n{_text(decision_in_words(report.decision))}. In brackets: {confidence} "
        "intervals over rows. The epoch was chosen by val rows; test rows took no part.\n\n"
        + _table(["", *splits], rows)
    )
    some = next(iter(splits.values())).metrics
    by_band = [each for each in METRICS if each.by_band]
    if len(some.bands) > 1:
        rows = [
            [f"{each.title}, {some.bands[place].band} {report.quantity.unit}"]
            + [
                f"{metric_with_range(each, split.metrics.bands[place][each.name])} "
                f"of {count(split.metrics.bands[place].rows)}"
                for split in splits.values()
            ]
            for each in by_band
            for place in range(len(some.bands))
        ]
        yield "By true length, with the number of rows:\n\n" + _table(["", *splits], rows)
    rows = [
        [label, name, percent(each.metrics.mape.value), points(each.difference)]
        for name, split in splits.items()
        for label, each in split.compared_with()
    ]
    if rows:
        head = ["baseline on the same rows", "split", "MAPE", "model minus it, points"]
        yield _table(head, rows)
    for name, split in splits.items():
        if split.intervals is not None:
            whole = split.intervals.overall
            yield (
                f"{100 * split.intervals.level:g}% intervals, calibrated on "
                f"{row_count(split.intervals.calibration_rows)} of val, hold "
                f"{percent(whole.coverage)} of {row_count(whole.rows)} of {name}."
            )


def _inputs(predictor: Predictor) -> str:
    columns = [
        f"{key}: {', '.join(f'`{_code(each)}`' for each in _listed(names))}"
        for key, names in predictor.columns.model_dump().items()
        if names and key != "length"
    ]
    features = ", ".join(each.name for each in predictor.features)
    return f"## Inputs\n\n{_bullets(columns)}\n\nFeatures: {_text(features)}."


def _limits(predictor: Predictor, report: Report | None) -> str:
    low, high = predictor.reach
    lines = [
        f"Nearly all training lengths lie between {low:.4g} and {high:.4g} {predictor.unit}; "
        "others are predicted at these ends.",
        f"Texts of training are written in: {', '.join(predictor.scripts) or 'no script'}. "
        "Others, and product types that training did not have, are guesses, which are counted.",
        "Intervals hold their share over all products like those of training, not of each kind.",
    ]
    if report is not None:
        lines += [
            f"{name}: {text}" for name, split in report.splits.items() for text in split.remarks
        ]
    outside = _models_elsewhere(predictor)
    if outside:
        lines.append(
            f"Needs the text model of {', '.join(outside)}, which is not in this folder: "
            f'`encoders={{"{outside[0]}": "FOLDER"}}` says where it lies.'
        )
    return "## Limits\n\n" + _bullets(map(_text, lines))


def _use(predictor: Predictor, name: str) -> str:
    title = next(iter([*predictor.columns.title, *predictor.columns.description, "title"]))
    interval = ", interval=0.9" if predictor.calibration is not None else ""
    return f"""## Use

```python
import product_length

model = product_length.load("{name}")
model.predict([{{"{_code(title)}": "…"}}]{interval})
```

```bash
python -m product_length.predict checkpoint={name} data.path=products.csv output=lengths.csv
```

`sha256sum -c SHA256SUMS` checks the files. There is no pickle in them."""


def _models_elsewhere(predictor: Predictor) -> list[str]:
    """The text encoders whose model is not in the state."""
    return [
        each.name for each in predictor.encoders if each.state()["kind"] == "sentence_transformer"
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _text(text: str) -> str:
    """Text of the catalogue as text of Markdown, on one line."""
    return html.escape(" ".join(text.split()), quote=False)


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'").replace('"', '\\"')


def _listed(names: Any) -> list[str]:
    return names if isinstance(names, list) else [names]
