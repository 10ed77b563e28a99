"""Tables to read back: rows, and files written of them in one way or another."""

import csv
import io

from product_length.tables.config import TableOptions
from product_length.tables.numbers import parse_numbers
from product_length.tables.open_table import open_table

HEADER = ("id", "title", "width")
ROWS = [
    ("007", "Tür, weiß; 30 cm", 30.5),
    ("8", 'Küche "Größe L"\tEiche', 1234.5),
    ("9", "Lampe | Löwe\nzwei Zeilen", 12.25),
    ("10", "Müll 'für' Gärten", None),
    ("11", "", 7.0),
    *((str(n), f"Stück {n} für Möbel", n + 0.5) for n in range(12, 60)),
]


def delimited(separator=",", decimal=".", rows=ROWS, header=HEADER, thousands="", **style):
    """CSV of the rows, as text."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, **style)
    writer.writerow(header)
    for name, title, width in rows:
        number = "" if width is None else f"{width:,}".replace(",", "T").replace(".", decimal)
        writer.writerow([name, title, number.replace("T", thousands)])
    return out.getvalue()


def read(path, *, numbers=("width",), text=("id", "title"), block_bytes=None, **options):
    """Rows of a table, numbers parsed, after checking that its batches follow each other."""
    table = open_table(path, TableOptions(**options))
    decimal = table.decimal(numbers)
    rows, size = [], 0
    for batch in table.read(text, numbers, block_bytes):
        assert batch.first_row == len(rows) + 1
        assert size <= batch.bytes_read <= table.total
        size = batch.bytes_read
        columns = [column.to_pylist() for column in batch.text.columns]
        for column in batch.numbers.columns:
            values, is_number, is_missing = parse_numbers(column, decimal)
            assert (is_number | is_missing).all(), column
            columns.append(
                [v if ok else None for v, ok in zip(values.tolist(), is_number, strict=True)]
            )
        rows += zip(*columns, strict=True)
    return rows


def notes(path, **options):
    """What a table says of itself, in one text."""
    return "\n".join(open_table(path, TableOptions(**options)).notes)
