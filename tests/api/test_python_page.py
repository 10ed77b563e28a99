"""The programs of docs/python.md run, one after the other, as a reader would type them."""

import re
from pathlib import Path

import numpy as np
import pytest
from table_of_sets import write_both_tables

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.mark.slow
def test_the_programs_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_both_tables(tmp_path)
    known = {}
    for program in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(program, known)
    assert "MAPE" in capsys.readouterr().out
    assert len(known["predicted"]) == 5
    assert set(known["one"]) == {"width_cm"}
    assert np.isfinite(known["scores"]).all()
