"""Folders of parts to predict for, and what becomes of them."""

import itertools

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv


def write_parts(catalogue, folder, parts=4, rows=None):
    """The products of a catalogue in Parquet files, each of another size; the folder."""
    table = csv.read_csv(catalogue / "test.csv")
    table = table.slice(0, rows or len(table))
    folder.mkdir(parents=True)
    edges = [len(table) * number**2 // parts**2 for number in range(parts + 1)]
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        pq.write_table(table.slice(start, stop - start), folder / f"part-{number}.snappy.parquet")
    return folder


def names_in(folder):
    """Names of all files in a folder, hidden ones too, but for the note of what made them."""
    return sorted(path.name for path in folder.iterdir() if path.name != "_prediction.json")


def read_parts(folder):
    """All rows of the parts of a folder, in the order of their names; each must be whole."""
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))])
