"""`python -m product_length.profile data=…`: what a catalogue holds, before any training."""

import sys
from pathlib import Path

from product_length.catalogue.config import FileData
from product_length.command import run_command
from product_length.hidden_packages import keep_pandas_out
from product_length.profiling.config import ProfileJob
from product_length.writing import refuse_input

PAGE, JSON = "profile.html", "profile.json"


def profile(job: ProfileJob, _folder: Path, overrides: list[str]) -> None:
    """Write the figures of a catalogue and a page of them, and print what is remarkable."""
    if isinstance(job.data, FileData):
        for name in (PAGE, JSON):
            refuse_input(job.output / name, f"output={job.output}", {"data.path": job.data.path})
    keep_pandas_out()
    # Imported here, so that a misspelt key is told without waiting for SciPy.
    from product_length.pages.profile import write_profile_page
    from product_length.profiling.files import as_text, write_figures
    from product_length.profiling.findings import findings_of, first_command
    from product_length.profiling.profile import profile_catalogue

    found = profile_catalogue(job)
    findings = findings_of(found)
    command = first_command(found, findings, overrides)
    written = [
        write_figures(job.output / JSON, found, findings, command),
        write_profile_page(job.output / PAGE, found, findings, command),
    ]
    sys.stdout.write(as_text(found, findings, command))
    sys.stdout.write("\nWritten: " + ", ".join(map(str, written)) + "\n")


if __name__ == "__main__":
    run_command("profile", ProfileJob, profile)
