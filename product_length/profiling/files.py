"""What a profile leaves: its figures as JSON, and a few lines for the console."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

from product_length.evaluation.wording import percent, text_table
from product_length.profiling.finding import Finding
from product_length.profiling.profile import Profile
from product_length.profiling.wording import number, share
from product_length.writing import write_text

_WIDTH = 100


def write_figures(
    path: Path, profile: Profile, findings: Sequence[Finding], command: str | None
) -> Path:
    """Write the figures whole or not at all. Raises UserError when they cannot be written."""
    figures = {
        **profile.to_json(),
        "findings": [asdict(each) for each in findings],
        "first_command": command,
    }
    text = json.dumps(figures, indent=1, ensure_ascii=False, allow_nan=False)
    return write_text(path, f"{text}\n")


def as_text(profile: Profile, findings: Sequence[Finding], command: str | None) -> str:
    """The profile for a terminal: bands of length, then what is remarkable, then the command."""
    rows = profile.rows
    lines = [f"{profile.source}: {rows.read:,} rows read, {rows.kept:,} kept", ""]
    lines += [_bands(profile), ""]
    for each in findings:
        lead = "! " if each.is_fault else "- "
        lines.append(fill(each.text, _WIDTH, initial_indent=lead, subsequent_indent="  "))
        if each.settings:
            lines.append(f"    {' '.join(each.settings)}")
    if command is not None:
        lines += ["", "To start with:", f"    {command}"]
    return "\n".join(lines) + "\n"


def _bands(profile: Profile) -> str:
    noun, unit = profile.quantity.noun, profile.quantity.unit
    header = [f"{noun} ({unit})", "rows", "of Σ 1/length", "MAPE: constant", "type median"]
    cells = [
        [
            band.name,
            share(band.share),
            share(band.weight),
            percent(band.constant),
            percent(band.type_median),
        ]
        for band in profile.mape.bands
    ]
    mape = profile.mape
    cells.append(
        [
            f"all; best constant {number(mape.best_constant)}",
            "100%",
            "100%",
            percent(mape.constant),
            percent(mape.type_median),
        ]
    )
    return text_table(header, cells)
