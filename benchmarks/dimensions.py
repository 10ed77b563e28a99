"""How fast and how well stated measurements are read from texts.

    python benchmarks/dimensions.py [--rows 20000] [--data train.csv] [--repeats 5]

Products/s: cleaned texts of a demo catalogue, and of --data, to arrays of candidates on one core;
the best of the repeats in processor time. Precision, recall and the share of sides that are right:
on the hand-labelled texts of tests/measurements (those that the parser was fixed with, and those
that it was not) and on the truth of the demo catalogue. With --data also how many of its products
state something, and how often a stated length is the label: the first one, or any of them, within
1%, with percentile intervals from resampled products. Results go to dimensions.json and
dimensions.md in benchmarks/results.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from measured import RESULTS, Figure, write_figures
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import AMAZON2023_COLUMNS, FileData, SplitOptions, TextRecipe
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.text import FIELDS, clean_fields
from product_length.catalogue.units import MILLIMETRES
from product_length.demo.generator import DemoGenerator
from product_length.evaluation.resampling import Mean, interval, resample
from product_length.features.measurements.config import MeasurementsOptions
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.measurement import Measurement, Subject
from product_length.measurements.parser import measurements, stated
from product_length.writing import write_text

sys.path.append(str(Path(__file__).parents[1] / "tests" / "measurements"))
from labelled_texts import HELD_OUT, LABELLED, Agreement, agreement

RECIPE = TextRecipe(fields=list(FIELDS))
MOST = MeasurementsOptions().max_measurements
FLOOR = 20_000
"""Products/s on one core that are asked for."""
NEAR = 0.01
HUNDREDTH = MILLIMETRES["hundredth_inch"]


def main() -> None:
    options = parser().parse_args()
    demo, agreed = of_demo(options.rows)
    figures = [
        speed("demo catalogue", demo, options.repeats),
        *of_agreement("demo catalogue's truth", agreed),
        *of_agreement("hand-labelled texts", agreement(read, LABELLED)[0]),
        *of_agreement("hand-labelled texts, held out", agreement(read, HELD_OUT)[0]),
    ]
    if options.data:
        fields, lengths = of_file(options.data)
        figures.append(speed("--data", fields, options.repeats))
        figures += of_labels(candidates_of(fields), lengths)
    data = " --data FILE" if options.data else ""
    command = f"python benchmarks/dimensions.py --rows {options.rows}{data}"
    write_figures(options.results / "dimensions.json", figures, command)
    write_text(options.results / "dimensions.md", as_markdown(figures))
    print(as_markdown(figures))


def read(text: str) -> list[Measurement]:
    return stated(measurements(text))


def of_demo(rows: int) -> tuple[list[pa.RecordBatch], Agreement]:
    """The cleaned texts of a demo catalogue, and how well the parser agrees with its truth."""
    generator = DemoGenerator(rows=rows, types=600, seed=0)
    batches, counts = [], Agreement()
    for batch in generator.batches():
        raw = [batch.column(name.upper()).fill_null("") for name in FIELDS]
        batches.append(clean_fields(pa.record_batch(raw, names=list(FIELDS)), RECIPE))
        ids = np.array(batch.column("PRODUCT_ID").to_pylist()).astype(np.int64)
        truths = generator.stated_measurements(ids)
        for row, truth in zip(batches[-1].to_pylist(), truths, strict=True):
            wanted = [(each.value * HUNDREDTH, "") for each in truth if not each.is_decoy]
            counts.count(wanted, [each for text in row.values() for each in read(text)])
    return batches, counts


def of_file(path: Path) -> tuple[list[pa.RecordBatch], NDArray[np.float32]]:
    """Cleaned texts and labels of the usable products of a catalogue of the challenge's columns."""
    data = FileData(
        source="file",
        path=path,
        columns=AMAZON2023_COLUMNS,
        unit="hundredth_inch",
        text=RECIPE,
        split=SplitOptions(),
    )
    with tempfile.TemporaryDirectory() as folder:
        catalogue = open_catalogue(data, ArtefactStore(Path(folder)))
        return catalogue.fields().to_batches(), np.array(catalogue.lengths)


def candidates_of(batches: list[pa.RecordBatch]) -> Candidates:
    parts = [parse_fields(batch, FIELDS, MOST) for batch in batches]
    return Candidates.from_packed(np.concatenate([part.packed() for part in parts]))


def speed(name: str, batches: list[pa.RecordBatch], repeats: int) -> Figure:
    rows = sum(len(batch) for batch in batches)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        candidates_of(batches)
        times.append(time.process_time() - start)
    return Figure(f"{name}: products/s on a core", rows / min(times), "/s", rows, FLOOR)


def of_agreement(name: str, counts: Agreement) -> list[Figure]:
    found = [("precision", counts.precision), ("recall", counts.recall)]
    if counts.sided:
        found.append(("sides right", counts.side_accuracy))
    return [Figure(f"{name}: {of}", 100 * value, "%", counts.texts) for of, value in found]


def of_labels(candidates: Candidates, lengths: NDArray[np.float32]) -> list[Figure]:
    """How often something is stated, and how often that is the label, with intervals."""
    counted = ~np.isnan(candidates.values) & (candidates.subjects != Subject.OTHER)
    labels = lengths[:, None] * HUNDREDTH
    near = counted & (np.abs(candidates.values / labels - 1) <= NEAR)
    states, any_near = counted.any(axis=1), near.any(axis=1)
    first = np.take_along_axis(near, counted.argmax(axis=1)[:, None], axis=1)[:, 0] & states
    figures = shares("--data: products that state something", states, np.ones_like(states))
    figures += shares("--data: of these, the first one is the label", first, states)
    return figures + shares("--data: of these, any of them is the label", any_near, states)


def shares(name: str, happened: NDArray[np.bool_], among: NDArray[np.bool_]) -> list[Figure]:
    """The share of `happened` in `among`, bool (rows,), in per cent, and its interval's ends."""
    rows = int(among.sum())
    (samples,) = resample([Mean(happened, among)], len(among), resamples=1000, seed=0)
    low, high = interval(samples, rows, 0.95)
    ends = [("", happened.sum() / max(rows, 1)), (", low", low), (", high", high)]
    return [
        Figure(f"{name}{end}", 100 * value, "%", rows) for end, value in ends if value is not None
    ]


def as_markdown(figures: list[Figure]) -> str:
    lines = ["| stated measurements | products | measured | at least |"]
    lines.append("| --- | ---: | ---: | ---: |")
    by_name = {each.name: each.value for each in figures}
    for each in figures:
        if each.name.endswith((", low", ", high")):
            continue
        value = f"{each.value:,.0f} /s" if each.unit == "/s" else f"{each.value:.1f}%"
        if f"{each.name}, low" in by_name:
            low, high = by_name[f"{each.name}, low"], by_name[f"{each.name}, high"]
            value = f"{value} ({low:.1f} to {high:.1f}%)"
        floor = "" if each.floor is None else f"{each.floor:,.0f}"
        lines.append(f"| {each.name} | {each.rows:,} | {value} | {floor} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rows", type=int, default=20_000, help="of the demo catalogue")
    made.add_argument("--data", type=Path, help="a catalogue of the challenge's columns too")
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    main()
