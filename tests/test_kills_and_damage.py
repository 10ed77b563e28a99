"""The script that kills commands and damages files finds nothing wrong, in a small version."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[1] / "benchmarks" / "faults.py"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_kills_and_damage_are_survived(tmp_path):
    words = ["--kills", "2", "--damages", "6", "--pairs", "0", "--results", str(tmp_path)]
    command = [sys.executable, str(FAULTS), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "faults.json").read_text(encoding="utf-8"))
    counts = {each["name"]: each["value"] for each in found}
    assert counts["all killed: tried"] == 2
    assert counts["all damaged: tried"] == 6
    assert counts["all damaged: wrong"] == 0
    assert str(tmp_path) not in (tmp_path / "faults.md").read_text(encoding="utf-8")
