"""An audit from a catalogue to its suspects: folds, judgements, a file, a few lines."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from product_length.auditing.config import AuditJob
from product_length.auditing.folds import judge
from product_length.auditing.judgements import Judgements, judgements
from product_length.auditing.suspects import Suspect, suspects, write_suspects
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import FileData
from product_length.decision.config import Decision
from product_length.evaluation.quantity import Quantity

log = logging.getLogger(__name__)

_SHOWN = 5


@dataclass(frozen=True)
class Audit:
    """What an audit found: `suspects` are the most suspicious rows, most suspicious first."""

    job: AuditJob
    catalogue: Catalogue
    quantity: Quantity
    found: Judgements
    suspects: list[Suspect]

    @property
    def name(self) -> str:
        """Of the catalogue: of its file, or what it is."""
        data = self.job.data
        return data.path.name if isinstance(data, FileData) else "the demo catalogue"

    @property
    def probably_wrong(self) -> float:
        """How many labels of the catalogue are expected to be wrong."""
        return float(self.found.wrong.sum())

    @property
    def called(self) -> int:
        """How many labels are called wrong at the false-discovery rate that was asked for."""
        return int((self.found.false_share <= self.job.false_discovery_rate).sum())

    @property
    def surprising(self) -> int:
        """How many tail probabilities are that small at the same false-discovery rate."""
        return int((self.found.discovery <= self.job.false_discovery_rate).sum())


def run_audit(job: AuditJob) -> Audit:
    """Judge every label, and write the suspects as CSV. Raises UserError."""
    catalogue, folds = judge(job)
    decision: Decision = "median" if job.decision == "auto" else job.decision
    found = judgements(catalogue, folds, interval=job.interval, decision=decision)
    quantity = Quantity(job.data.columns.length, catalogue.unit)
    made = suspects(catalogue, found, quantity, interval=job.interval, rows=job.rows)
    result = Audit(job, catalogue, quantity, found, made)
    write_suspects(job.output, made, quantity.target, job.data.columns.product_id)
    for line in _summary(result):
        log.info("%s", line)
    return result


def _summary(audit: Audit) -> list[str]:
    rows = len(audit.catalogue)
    lines = [
        f"{rows:,} labels judged, {audit.quantity.in_words}: about {audit.probably_wrong:.0f} are "
        f"wrong, as far as the models can tell; {audit.called:,} can be named so that "
        f"{100 * audit.job.false_discovery_rate:g}% of these are expected to be right after all"
    ]
    lines += [
        f"  row {each.row:,}: {each.reason} (wrong: {100 * each.wrong:.0f}%)"
        for each in audit.suspects[:_SHOWN]
    ]
    lines.append(f"{audit.job.output}: the {len(audit.suspects):,} most suspicious rows")
    return lines
