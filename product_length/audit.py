"""`python -m product_length.audit data=… output=suspects.csv`: which labels are probably wrong."""

import logging
from pathlib import Path

from product_length.auditing.config import AuditJob
from product_length.auditing.preflight import check_audit, page_beside
from product_length.command import run_command
from product_length.hidden_packages import keep_pandas_out

log = logging.getLogger(__name__)


def audit(job: AuditJob, _folder: Path, overrides: list[str]) -> None:
    """Judge every label by models that have not seen its row; write the most suspicious ones."""
    if job.embeddings.engine != "ray":  # which works with pandas
        keep_pandas_out()
    # Imported here, so that a misspelt key is told without waiting for torch.
    from product_length.auditing.audit import run_audit
    from product_length.pages.audit import repeated, write_audit_page

    result = run_audit(job)
    page = write_audit_page(page_beside(job.output), result, repeated(overrides))
    log.info("%s: the same as a page", page)


if __name__ == "__main__":
    run_command("audit", AuditJob, audit, check=check_audit)
