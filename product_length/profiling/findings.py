"""What is remarkable about a catalogue, in plain words, and what to set because of it."""

import shlex
from collections.abc import Sequence

from product_length.catalogue.prepare import LEAST_ROWS
from product_length.profiling.finding import Finding
from product_length.profiling.findings_of_labels import findings_of_labels
from product_length.profiling.findings_of_rows import findings_of_rows
from product_length.profiling.findings_of_texts import findings_of_texts
from product_length.profiling.profile import Profile


def findings_of(profile: Profile) -> tuple[Finding, ...]:
    """All findings, faults first."""
    found = [
        *findings_of_rows(profile),
        *findings_of_labels(profile),
        *findings_of_texts(profile),
    ]
    return tuple(sorted(found, key=lambda each: not each.is_fault))


def first_command(
    profile: Profile, findings: Sequence[Finding], overrides: Sequence[str]
) -> str | None:
    """The command to train with first; None where there are too few rows.

    `overrides`: of the command line, of which those of the data are used.
    """
    if profile.rows.kept < LEAST_ROWS or profile.lengths.values == 1:
        return None
    settings = [each for finding in findings if finding.recommended for each in finding.settings]
    replaced = {setting.partition("=")[0] for setting in settings}
    of_data = [
        each
        for each in overrides
        if each.lstrip("+").partition("=")[0].split(".")[0] == "data"
        and each.lstrip("+").partition("=")[0] not in replaced
    ]
    words = ["python", "-m", "product_length.train", *of_data, "experiment=best", *settings]
    return shlex.join(words)
