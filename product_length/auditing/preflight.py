"""What an audit looks at before any work and before any heavy library is imported."""

from pathlib import Path

from product_length.auditing.config import AuditJob
from product_length.catalogue.config import FileData
from product_length.errors import ConfigError, UserError
from product_length.experiment import one_message
from product_length.preflight import check_inputs
from product_length.writing import refuse_input


def page_beside(output: Path) -> Path:
    """Where the page of an audit goes: beside its CSV, with the same name."""
    return output.with_suffix(".html")


def check_audit(job: AuditJob) -> None:
    """Raise UserError unless the job can be done and replaces nothing that it reads."""
    if faults := list(job.faults()):
        raise ConfigError(one_message(faults))
    check_inputs(job)
    inputs: list[tuple[str, Path]] = []
    from product_length.prediction.files import check_no_part, check_output  # imports pyarrow
    from product_length.tables.open_table import open_table

    if isinstance(job.data, FileData):
        table = open_table(job.data.path, job.data.as_written())
        inputs = [("data.path", path) for path in table.files]
    check_output(job.output, inputs, {})
    page = page_beside(job.output)
    for name, path in inputs:
        refuse_input(page, f"the page {page}", {name: path})
    if page.is_dir():
        raise UserError(f"{page}: is a folder, and the page of output={job.output} goes there")
    if isinstance(job.data, FileData):
        check_no_part(job.output, job.data.path)
        check_no_part(page, job.data.path)
