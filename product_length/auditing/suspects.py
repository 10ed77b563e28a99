"""The rows whose labels are probably wrong, with all that a person needs to decide."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from product_length.auditing.judgements import Judgements
from product_length.auditing.reasons import reason_for
from product_length.auditing.slips import OTHER_LABEL, Kind
from product_length.auditing.stated import stated_lengths
from product_length.catalogue.catalogue import Catalogue
from product_length.evaluation.quantity import Quantity
from product_length.writing import write_text

_TEXT = 200
"""Characters of a text that are shown."""
_CLEAR = 0.5
"""A slip is named where it is more probable than all others together."""


@dataclass(frozen=True)
class Suspect:
    """One label that may be wrong; lengths are in the catalogue's unit.

    `row`: 1 is the first data row of the table. `wrong`: the probability that the label is wrong;
    `false_share`: the share of good labels expected among those at least as suspicious; `tail`: the
    predicted probability of a label as far out; `discovery`: the false-discovery rate from which on
    that is called surprising. `slip`: the kind of slip that explains it, None where none is clear;
    `corrected`: the length that it was made of, None where nothing says it.
    """

    rank: int
    row: int
    product_id: str
    product_type: str
    label: float
    expected: float
    lower: float
    upper: float
    wrong: float
    false_share: float
    tail: float
    discovery: float
    slip: Kind | None
    corrected: float | None
    reason: str
    text: str


def suspects(
    catalogue: Catalogue,
    found: Judgements,
    quantity: Quantity,
    *,
    interval: float,
    rows: int | None = None,
) -> list[Suspect]:
    """The `rows` most suspicious ones, or all, the most suspicious first."""
    order = found.order()[:rows]
    ascending = np.sort(order)
    stated = dict(zip(ascending.tolist(), stated_lengths(catalogue, ascending), strict=True))
    texts = dict(zip(ascending.tolist(), catalogue.texts_of(ascending), strict=True))
    slips, wrong, made = found.slips, found.wrong, []
    for rank, row in enumerate(order.tolist(), start=1):
        slip, corrected = slip_of(found, row, int(slips[row]))
        label = float(catalogue.exact_lengths[row])
        text = texts[row]
        made.append(
            Suspect(
                rank=rank,
                row=int(catalogue.row_numbers[row]),
                product_id=catalogue.product_ids[row].as_py(),
                product_type=catalogue.types[row].as_py(),
                label=label,
                expected=float(found.expected[row]),
                lower=float(found.lower[row]),
                upper=float(found.upper[row]),
                wrong=float(wrong[row]),
                false_share=float(found.false_share[row]),
                tail=float(found.tails[row]),
                discovery=float(found.discovery[row]),
                slip=slip,
                corrected=corrected,
                reason=reason_for(
                    label,
                    (float(found.lower[row]), float(found.upper[row])),
                    slip,
                    corrected,
                    stated[row],
                    quantity,
                    tail=float(found.tails[row]),
                    interval=interval,
                ),
                text=text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…",
            )
        )
    return made


def slip_of(found: Judgements, row: int, column: int) -> tuple[Kind | None, float | None]:
    """The slip that explains a row's label best, if it is clear, and the length before it.

    None for another product's label too: it is what is left where no slip fits.
    """
    of_slips = found.rates.probabilities[row, 1:]
    kind = found.kinds[column]
    if kind == OTHER_LABEL or of_slips[column] < _CLEAR * of_slips.sum():
        return None, None
    corrected = float(found.corrected[row, column])
    return kind, corrected if np.isfinite(corrected) else None


def write_suspects(
    path: Path, made: Sequence[Suspect], target: str, product_id: str | None
) -> Path:
    """Write them as CSV, whole or not at all. `target`, `product_id`: names of the table's columns.

    Lengths are in the catalogue's unit, to six digits, labels as they were read. Raises UserError
    when the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["RANK", "ROW", *([product_id] if product_id else []), "TYPE", target]
    names += ["EXPECTED", "LOWER", "UPPER", "WRONG", "FDR", "TAIL", "TAIL_FDR", "SLIP", "CORRECTED"]
    writer.writerow([*names, "REASON", "TEXT"])
    for each in made:
        cells = [each.rank, each.row, *([each.product_id] if product_id else [])]
        cells += [each.product_type, repr(each.label)]
        cells += [f"{value:.6g}" for value in (each.expected, each.lower, each.upper)]
        shares = (each.wrong, each.false_share, each.tail, each.discovery)
        cells += [f"{value:.3g}" for value in shares]
        cells += [each.slip or "", "" if each.corrected is None else f"{each.corrected:.10g}"]
        writer.writerow([*cells, each.reason, each.text])
    return write_text(path, text.getvalue())
