"""The report.json of a run folder: built from a finished run, written whole, read with care."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from product_length.decision.config import Decision
from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import (
    SCHEMA_VERSION,
    DataRecord,
    FeatureRecord,
    Report,
    Resampling,
    SnapEffect,
    SplitReport,
)
from product_length.evaluation.versions import software_versions
from product_length.writing import write_text

REPORT_FILE = "report.json"


class UnfinishedRunError(UserError):
    """A folder that holds no report: its run was killed, is still going, or never was one."""


def build_report(
    *,
    quantity: Quantity,
    bands: Bands,
    decision: Decision | None,
    overrides: Sequence[str],
    seed: int,
    data: DataRecord,
    splits: Mapping[str, SplitReport],
    history: Sequence[Mapping[str, float | None]],
    epochs: int,
    best_epoch: int,
    parameters: int,
    timings: Mapping[str, float],
    features: Sequence[FeatureRecord] = (),
    seconds_before_first_step: float | None = None,
    resampling: Resampling,
    truncated_shares: Mapping[str, float | None] | None = None,
    snap: SnapEffect | None = None,
) -> Report:
    """The report of a run that ends now, with the versions of the software around it.

    `splits` holds "val" and, unless the split is empty, "test" (see `evaluate.evaluate_split`);
    fields as in `records.Report`. Raises ValueError for a value that does not fit its field.
    """
    return Report.model_validate(
        {
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "target": quantity.target,
            "unit": str(quantity.unit),
            "band_edges": list(bands.edges),
            "decision": decision,
            "overrides": list(overrides),
            "seed": seed,
            "data": data,
            "versions": software_versions(),
            "parameters": parameters,
            "epochs": epochs,
            "best_epoch": best_epoch,
            "history": [dict(entry) for entry in history],
            "timings": dict(timings),
            "features": list(features),
            "seconds_before_first_step": seconds_before_first_step,
            "truncated_shares": dict(truncated_shares or {}),
            "snap": snap,
            "resampling": resampling,
            "splits": dict(splits),
        }
    )


def write_report(folder: Path, report: Report) -> Path:
    """Write `report.json` into a run folder, whole or not at all.

    It is the last file a run writes: where it stands, the run is finished. Raises UserError when
    it cannot be written.
    """
    text = json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(folder / REPORT_FILE, text + "\n")


def load_report(folder: Path) -> Report:
    """Read the report of a run folder.

    Raises UnfinishedRunError when the folder holds none, UserError when there is no such folder or
    the report is damaged, of another schema version, or has a field that is wrong.
    """
    path = folder / REPORT_FILE
    if not folder.exists():
        raise UserError(f"{folder}: no such run folder")
    if not folder.is_dir():
        raise UserError(f"{folder}: is a file; name the run's folder")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnfinishedRunError(
            f"{folder}: not a finished run, it holds no {REPORT_FILE}"
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}: damaged, line {error.lineno} column {error.colno} is not JSON "
            f"({error.msg}); run it again"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: damaged, not UTF-8 text; run it again") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version is None:
        raise UserError(f"{path}: not a report of product_length, it has no schema_version")
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{path}: written in schema version {version}, this product_length reads version "
            f"{SCHEMA_VERSION}; use the one that wrote it, or run it again"
        )
    try:
        return Report.model_validate_json(json.dumps(content))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'report'}: {fault['msg']}"
            for fault in error.errors()
        ]
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise UserError(f"{path}: damaged, {'; '.join(faults[:3])}{more}") from error
