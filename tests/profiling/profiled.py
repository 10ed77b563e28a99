"""Profiles of tables with the challenge's columns."""

from pathlib import Path

from builders import job

from product_length.profiling.config import ProfileJob
from product_length.profiling.profile import Profile, profile_catalogue


def profile_of(path: Path, *overrides: str) -> Profile:
    """The profile of a table with the challenge's columns."""
    words = ["data=amazon2023", f"data.path={path}", f"cache_dir={path.parent / 'cache'}"]
    return profile_catalogue(job("profile", ProfileJob, *words, "output=unused", *overrides))
