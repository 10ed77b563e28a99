"""Packages that are hidden while others are imported, and come back afterwards."""

import importlib.metadata
import importlib.util
import subprocess
import sys

import pytest

from product_length.hidden_packages import hidden


def test_a_hidden_package_is_not_installed_until_it_is_shown_again():
    import scipy

    with hidden("scipy", "matplotlib"):
        with pytest.raises(ModuleNotFoundError, match="scipy is hidden"):
            import scipy.special
        with pytest.raises(ModuleNotFoundError):
            importlib.util.find_spec("matplotlib")
        with pytest.raises(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version("scipy")
        assert importlib.metadata.version("numpy")
    assert sys.modules["scipy"] is scipy
    assert importlib.metadata.version("scipy") == scipy.__version__
    assert importlib.util.find_spec("matplotlib") is not None


def test_an_error_inside_shows_them_again():
    with pytest.raises(ZeroDivisionError), hidden("matplotlib"):
        raise ZeroDivisionError
    assert importlib.util.find_spec("matplotlib") is not None


def said_by(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_lightning_comes_without_what_nothing_uses():
    program = (
        "import sys, product_length.lightning_import\n"
        "heavy = {'transformers', 'scipy', 'matplotlib', 'sklearn', 'pandas'}\n"
        "print(*sorted(heavy & set(sys.modules)), 'lightning' in sys.modules)\n"
        "import transformers, torchmetrics, scipy.signal\n"
        "print(transformers.__name__, torchmetrics.__name__)\n"
    )
    assert said_by(program) == ["True", "transformers", "torchmetrics"]


def test_pandas_stays_out_unless_it_is_there_already():
    program = (
        "import sys\nfrom product_length.hidden_packages import keep_pandas_out\n"
        "keep_pandas_out()\nimport pyarrow as pa\n"
        "print(len(pa.array(['a', 'b'])), 'pandas' in sys.modules)\n"
    )
    assert said_by(program) == ["2", "False"]
    if importlib.util.find_spec("pandas") is not None:
        known = "import pandas\n" + program + "print(pa.array([1]).to_pandas().tolist())\n"
        assert said_by(known) == ["2", "True", "[1]"]
