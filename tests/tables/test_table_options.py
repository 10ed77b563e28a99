"""How a table is written, as a person says it."""

import pytest

from product_length.tables.config import TableOptions

SEPARATORS = {"auto": "auto", ",": ",", "comma": ",", "semicolon": ";", "pipe": "|", "^": "^"}
SEPARATORS |= {"tab": "\t", "TAB": "\t", "\\t": "\t", "\t": "\t", " ": " "}
ENCODINGS = {"auto": "auto", "UTF8": "utf-8", "utf-8-sig": "utf-8", "Windows-1252": "cp1252"}
ENCODINGS |= {"latin-1": "iso8859-1", "UTF-16": "utf-16", "shift_jis": "shift_jis"}


@pytest.mark.parametrize(("spelt", "separator"), SEPARATORS.items())
def test_separators(spelt, separator):
    assert TableOptions(separator=spelt).separator == separator


@pytest.mark.parametrize("spelt", ["", "a", "7", '"', "\n", "§", ",,", "komma"])
def test_no_separators(spelt):
    with pytest.raises(ValueError, match="semicolon, tab"):
        TableOptions(separator=spelt)


@pytest.mark.parametrize(("spelt", "encoding"), ENCODINGS.items())
def test_encodings(spelt, encoding):
    assert TableOptions(encoding=spelt).encoding == encoding


@pytest.mark.parametrize("spelt", ["", "no-such", "hex", "rot13", "undefined"])
def test_no_encodings(spelt):
    with pytest.raises(ValueError, match="no encoding that Python knows"):
        TableOptions(encoding=spelt)


def test_decimals_and_escapes():
    with pytest.raises(ValueError, match="decimal"):
        TableOptions(decimal=";")
    with pytest.raises(ValueError, match="may not be one character"):
        TableOptions(separator="|", escape="|")
    assert TableOptions() == TableOptions(
        separator="auto", decimal="auto", encoding="auto", escape=None
    )
