"""How fast texts become LSA vectors: fitting, encoding, and one text alone.

    python benchmarks/lsa.py --against FOLDER [--threads 1] [--texts 300000] [--data train.csv]

FOLDER is a checkout of an older commit. Each version fits on at most 50,000 of the texts, encodes
all of them in chunks of 2,048, and single texts one at a time, in a process of its own whose peak
memory is noted; the two take turns, and the best of --repeats counts. The older one's fit is also
encoded by this one, to compare vectors. Results go to benchmarks/results/lsa.json and lsa.md,
beside those of other texts. Without --threads all cores work: times of that mean little where other
programs run too.
"""

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

RECIPES: dict[str, dict[str, Any]] = {
    "lsa": {"kind": "lsa"},
    "words": {"kind": "lsa", "dimensions": 384, "char_ngrams": None, "max_features": 60_000},
}
FITTED, CHUNK, SINGLES = 50_000, 2048, 1000
MEASURED = {"fit": "fit", "encode": "encoding all", "both": "both", "single": "one text, median"}
ROOT = Path(__file__).parents[1]


def main() -> None:
    options = parser().parse_args()
    if options.child:
        child(Path(options.child), options.recipe)
        return
    from encoding import read_texts
    from measured import RESULTS, machine

    from product_length.writing import write_text

    texts = read_texts(options.data, options.texts)
    whose = options.data.stem if options.data else "demo catalogue"
    path = RESULTS / "lsa.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as place:
            found = compared(Path(place), texts, recipe, options)
        command = f"python benchmarks/lsa.py --against FOLDER --texts {options.texts}"
        command += f" --threads {options.threads}" if options.threads else ""
        command += " --data DATA" if options.data else ""
        command += f" --repeats {options.repeats}"
        found |= {"texts": len(texts), "command": command, "machine": machine()}
        results[f"{whose}, {recipe}"] = found | {"load average": round(os.getloadavg()[0], 1)}
    write_text(path, json.dumps(results, indent=2) + "\n")
    write_text(path.with_suffix(".md"), as_markdown(results))
    print(as_markdown(results))


def compared(
    folder: Path, texts: list[str], recipe: str, options: argparse.Namespace
) -> dict[str, Any]:
    """Seconds of both versions, best of some repeats, their ratios, and how far vectors differ."""
    (folder / "texts").write_bytes(pickle.dumps(texts))
    best: dict[str, dict[str, float]] = {"before": {}, "now": {}}
    for repeat in range(options.repeats):
        for which, root in (("before", options.against), ("now", ROOT)):
            command = [sys.executable, __file__, "--child", str(folder), "--recipe", recipe]
            environment = {**os.environ, "PYTHONPATH": str(root.resolve())}
            if options.threads:
                environment["OMP_NUM_THREADS"] = str(options.threads)
            done = subprocess.run(
                command, check=True, capture_output=True, cwd=root, env=environment
            )
            measured = json.loads(done.stdout)
            print(f"[{repeat + 1}/{options.repeats}] {recipe}, {which}: {measured}", flush=True)
            for name, value in measured.items():
                best[which][name] = min(value, best[which].get(name, value))
    difference = best["now"].pop("difference")
    del best["before"]["difference"]
    ratios = {name: best["before"][name] / value for name, value in best["now"].items()}
    return {**best, "ratio": ratios, "largest difference": difference}


def child(folder: Path, recipe: str) -> None:
    """Fit and encode; what it takes, wall and processor time in seconds, as JSON."""
    from product_length.embeddings.config import LsaOptions
    from product_length.embeddings.lsa import LsaEncoder

    texts: list[str] = pickle.loads((folder / "texts").read_bytes())
    sample = np.random.default_rng(0).permutation(len(texts))[:FITTED]
    chosen = [texts[row] for row in np.sort(sample)]
    at = [moment()]
    encoder = LsaEncoder.fit(recipe, LsaOptions.model_validate(RECIPES[recipe]), chosen)
    at.append(moment())
    for start in range(0, len(texts), CHUNK):
        encoder.encode(texts[start : start + CHUNK])
    at.append(moment())
    fit, encode = (end - start for start, end in pairwise(at))
    singles = []
    for text in texts[:SINGLES]:
        started = time.perf_counter()
        encoder.encode([text])
        singles.append(time.perf_counter() - started)
    found = {"single": float(np.median(singles))}
    for name, spent in {"fit": fit, "encode": encode, "both": fit + encode}.items():
        found |= {name: float(spent[0]), f"{name}, processor": float(spent[1])}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["memory, MB"] = peak / 1024 / (1024 if sys.platform == "darwin" else 1)
    kept = folder / "kept"
    if not kept.exists():  # the older version is first
        kept.write_bytes(pickle.dumps((encoder.state(), encoder.encode(texts[:CHUNK]))))
    state, vectors = pickle.loads(kept.read_bytes())
    again = LsaEncoder.from_state(state).encode(texts[:CHUNK])
    found["difference"] = float(np.abs(again.astype(float) - vectors.astype(float)).max())
    print(json.dumps(found))


def moment() -> np.ndarray[Any, Any]:
    return np.array([time.perf_counter(), time.process_time()])


def as_markdown(results: dict[str, Any]) -> str:
    head = "".join(f" {words}, times as fast (processor time) |" for words in MEASURED.values())
    lines = [
        f"| texts |{head} texts/s before | now | peak memory before | now | vectors differ by |",
        f"| --- |{' ---: |' * (len(MEASURED) + 5)}",
    ]
    for name, each in results.items():
        cells = [f"{each['texts']:,} of {name}"]
        for measured in MEASURED:
            spent = each["ratio"].get(f"{measured}, processor")
            shown = "" if spent is None else f" ({spent:.1f})"
            cells.append(f"{each['ratio'][measured]:.1f}{shown}")
        versions = [each["before"], each["now"]]
        cells += [f"{each['texts'] / version['encode']:,.0f}" for version in versions]
        cells += [f"{version['memory, MB']:,.0f} MB" for version in versions]
        lines.append(f"| {' | '.join(cells)} | {each['largest difference']:.2g} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", type=Path, metavar="FILE", help="the challenge's catalogue")
    made.add_argument("--texts", type=int, default=300_000)
    made.add_argument("--repeats", type=int, default=2)
    made.add_argument("--threads", type=int, help="of each version; all cores if not given")
    made.add_argument("--against", type=Path, metavar="FOLDER", help="checkout of an older commit")
    made.add_argument("--child", help=argparse.SUPPRESS)
    made.add_argument("--recipe", choices=list(RECIPES), help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    main()
