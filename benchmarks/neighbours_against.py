"""Neighbours of this checkout against those of another one; see `neighbours.py --against`.

As a program it measures one search in the package that PYTHONPATH names, and prints what it found:

    PYTHONPATH=FOLDER python benchmarks/neighbours_against.py SOURCE DIMENSION THREADS FOLDER
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from neighbours import catalogue_like, judged_rows, measure, name_of
from neighbours_page import RECALL, K, Measured
from numpy.typing import NDArray

HERE = Path(__file__).parents[1]
HEAD = (
    "| rows × rows | before, processor | now | ratio | before, clock | now | ratio "
    f"| recall@{K} before | now | memory before | now |"
)


def against(
    folder: Path, sources: list[int | str], dimension: int, threads: int, rounds: int
) -> list[Measured]:
    """Both checkouts in turns, each in a process of its own: medians of all rounds."""
    compared = []
    for source in sources:
        words = [str(source), str(dimension), str(threads)]
        turns = [(_alone(folder, words), _alone(HERE, words)) for _ in range(rounds)]
        vectors = np.load(source) if isinstance(source, str) else catalogue_like(source, dimension)
        before, now = (_together(list(each), vectors) for each in zip(*turns, strict=True))
        ratios = {
            f"ratio_{of}": float(np.median([one[of] / other[of] for one, other in turns]))
            for of in ("processor", "seconds")
        }
        compared.append({"of": name_of(source), **ratios, "before": before, "now": now})
        print(line_of(compared[-1]), flush=True)
    return compared


def _alone(folder: Path, words: list[str]) -> Measured:
    command = [sys.executable, __file__, *words, str(folder.resolve())]
    environment = {**os.environ, "PYTHONPATH": str(folder.resolve())}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def _together(rounds: list[Measured], vectors: NDArray[Any]) -> Measured:
    """Medians of the rounds, and the recall on the rows that are judged."""
    from product_length.search.cosine import CosineSearch
    from product_length.search.tuning import exact_neighbours, recalls_of

    search, judged = CosineSearch(vectors), judged_rows(len(vectors))
    asked = vectors[judged]
    _, exact = exact_neighbours(search, asked, K, lambda query, row: row == judged[query, None])
    found = np.array(rounds[0]["found"])
    cosines = search.cosines(asked, np.maximum(found, 0))
    cosines[found < 0] = -np.inf
    told = {
        key: [float(f"{each[key]:.4g}") for each in rounds]
        for key in ("processor", "seconds", "prepared", "memory")
    }
    return {
        "rows": len(vectors),
        "dimension": vectors.shape[1],
        "recall": round(float(recalls_of(found, cosines, exact).mean()), 4),
        "estimated": rounds[0]["estimated"],
        "facts": rounds[0]["facts"],
        **{key: float(np.median(values)) for key, values in told.items()},
        "rounds": told,
    }


def line_of(each: Measured) -> str:
    before, now = each["before"], each["now"]
    cells = [f"{now['rows']:,} × {now['dimension']}{each['of']}"]
    for of in ("processor", "seconds"):
        cells += [f"{one[of]:,.0f} s" for one in (before, now)] + [f"{each[f'ratio_{of}']:.2f}"]
    cells += [f"{one['recall']:.3f}" for one in (before, now)]
    cells += [f"{one['memory']:.1f} GB" for one in (before, now)]
    return f"| {' | '.join(cells)} |"


def as_markdown(compared: list[Measured]) -> str:
    """A line for each set of vectors."""
    told = (
        f"Recall of at least {RECALL} was asked for. Seconds of all rows, of which some blocks "
        "were timed; making and tuning the lists is counted."
    )
    return "\n".join([HEAD, "| ---: " * 11 + "|", *map(line_of, compared), "", told, ""])


def main() -> None:
    source, dimension, threads, folder = sys.argv[1:]
    import product_length

    if not Path(product_length.__file__).is_relative_to(folder):
        sys.exit(f"{product_length.__file__} is not of {folder}: name it in PYTHONPATH")
    made = int(source) if source.isdigit() else source
    measured = measure("approximate", made, int(dimension), int(threads))
    print(json.dumps({**measured, "found": measured["found"].tolist()}))


if __name__ == "__main__":
    main()
