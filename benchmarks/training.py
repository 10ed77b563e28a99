"""Training throughput: a bare PyTorch loop, Lightning, and blocks read from a file, in one run.

    python benchmarks/training.py [--rows N] [--dimension D] [--batch 512,4096] [--threads N]
        [--hidden 1024,256,64] [--rounds 5] [--shuffle-mb MB] [--larger-than-memory] [--best]

In every round one epoch each of, one after another, for each batch size:

- bare: a plain loop over tensors in memory. Same network, objective, AdamW, schedule and clipping.
- lightning: `training.fit` of one epoch over the same arrays in memory.
- blocks: `training.fit` with `trainer.memory=blocks` over a memory-mapped file. With
  --larger-than-memory the file's pages are dropped from the page cache before each pass, so that it
  is read from the disk; how much was read stands in the table.

The two fits are timed from the start of the epoch to the end of training: validation of 1,024 rows,
metrics and checkpoints are in it, what Lightning does before the first epoch is not. "Its steps
alone" end before validation, as the bare loop does. Beside them, batches are drawn without a
network, to tell what reading alone can deliver. Ratios are medians over rounds; those by processor
time hold on a machine that has other work too, but leave out what is waited for. Memory added is
the most anonymous memory that a pass had above what there was before it; pages of a mapped file,
which can be dropped at any time, are not in it. In bfloat16 where the CPU has it.

With --best the first two, of `experiment=best` on so many products of the demo catalogue.

On a machine with an NVIDIA GPU the reference's setting follows: 1.85 M rows, 2048 + 128 + 32
inputs, 4.1 M parameters, batch 512. Results go to benchmarks/results/training.json and training.md;
those of other commands stay there.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from measured import RESULTS, machine
from training_best import BestSetting, make_best_setting
from training_passes import (
    Seconds,
    Setting,
    bare,
    drawing,
    drop,
    lightning,
    make_setting,
    watched,
)

from product_length.model.trunk import parameter_count

REFERENCE = {"rows": 1_850_000, "dimension": 2048, "hidden": [1024, 1024, 512, 256]}
H200_PEAK = 989e12
"""Dense bfloat16 operations a second, NVIDIA's data sheet."""
FLOORS = {"lightning / bare": 0.95, "blocks / in memory": 0.8}


def main() -> None:
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    command = command_of(options)
    entries: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        precision = "bf16-mixed" if cpu_has_bfloat16() else "32-true"
        for batch in options.batch:
            common: dict[str, Any] = {
                "rows": options.rows,
                "batch": batch,
                "hidden": options.hidden,
                "shuffle_mb": options.shuffle_mb,
                "accelerator": "cpu",
                "precision": precision,
                "cold": options.larger_than_memory,
            }
            if options.best:
                setting: Setting = make_best_setting(Path(scratch), **common)
            else:
                setting = make_setting(Path(scratch), dimension=options.dimension, **common)
            entries += compare(setting, options.rounds, command)
        if not options.best and torch.cuda.is_available():
            setting = make_setting(
                Path(scratch),
                **REFERENCE,
                batch=512,
                shuffle_mb=1024,
                accelerator="gpu",
                precision="bf16-mixed",
                cold=False,
            )
            entries += compare(setting, options.rounds, command)
        elif not options.best:
            entries.append(entry("reference's setting on a GPU", None, "not run: no GPU", command))
    write(Path(options.results), command, entries)


def compare(setting: Setting, rounds: int, command: str) -> list[dict[str, Any]]:
    """Every kind of pass in every round, told as entries."""
    kinds: dict[str, Callable[[], Seconds]] = {
        "bare": lambda: bare(setting),
        "lightning": lambda: lightning(setting, "lightning"),
        "blocks": lambda: lightning(setting, "blocks"),
        "drawing in memory": lambda: drawing(setting, "in memory"),
        "drawing blocks": lambda: drawing(setting, "blocks"),
    }
    if isinstance(setting, BestSetting):
        kinds = {kind: kinds[kind] for kind in ("bare", "lightning")}
    bare(setting, steps=3)
    for number in range(rounds):
        for kind, run in kinds.items():
            if setting.cold and "blocks" in kind:
                drop(setting.path)
            with watched(setting, kind):
                setting.seconds.setdefault(kind, []).append(run())
            rate = setting.rows / setting.seconds[kind][-1].wall
            print(
                f"round {number + 1}, batch {setting.batch}, {kind}: {rate:,.0f} rows/s", flush=True
            )
    return entries_of(setting, command)


def entries_of(setting: Setting, command: str) -> list[dict[str, Any]]:
    parameters = parameter_count(setting.network())
    where = "GPU" if setting.accelerator == "gpu" else "CPU"
    text = setting.memory.columns.get("text")
    what = "experiment=best" if text is None else f"{text.shape[1]} dimensions"
    about = f"{where}, batch {setting.batch}, {what}, {parameters / 1e6:.1f} M parameters"

    def told(name: str, value: float, unit: str, floor: float | None = None) -> dict[str, Any]:
        return entry(f"{about}: {name}", value, unit, command, floor=floor, rows=setting.rows)

    times = setting.seconds
    found = [
        told(kind, setting.rows / median(each.wall for each in seconds), "rows/s")
        for kind, seconds in times.items()
    ]
    pairs = {
        "lightning / bare": ("bare", "lightning"),
        "lightning, its steps alone / bare": ("bare", "lightning, its steps alone"),
        "blocks / in memory": ("lightning", "blocks"),
        "drawing blocks / drawing in memory": ("drawing in memory", "drawing blocks"),
    }
    for name, (slow, fast) in pairs.items():
        if fast not in times:
            continue
        rounds = list(zip(times[slow], times[fast], strict=True))
        wall, cpu = (median(a[i] / b[i] for a, b in rounds) for i in (0, 1))
        found.append(told(name, wall, "ratio", FLOORS.get(name)))
        found.append(told(f"{name}, by processor time", cpu, "ratio"))
    if "blocks" not in times:
        return found
    found.append(told("data in the file", setting.path.stat().st_size / 1e9, "GB"))
    found.append(told("trainer.shuffle_mb", setting.shuffle_mb * 2**20 / 1e9, "GB"))
    found += [
        told(f"memory added by {kind}", setting.added[kind], "GB")
        for kind in ("lightning", "blocks")
    ]
    found.append(told("read from the disk by blocks, last pass", setting.read["blocks"], "GB"))
    if where == "GPU":
        epoch = median(each.wall for each in times["lightning"])
        found.append(told("an epoch, at most 10", epoch, "s"))
        peak = 6 * parameters * setting.rows / epoch / H200_PEAK
        found.append(told("share of an H200's dense bfloat16 peak", peak, "ratio"))
    return found


def entry(name: str, value: float | None, unit: str, command: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor": None,
        "rows": None,
        **more,
        "command": command,
        "machine": machine(),
    }


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself; emulated it is slower than float32."""
    flags = re.search(r"flags\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return bool(flags and {"amx_bf16", "avx512_bf16"} & set(flags[1].split()))


def command_of(options: argparse.Namespace) -> str:
    words = ["python benchmarks/training.py"]
    for name, value in vars(options).items():
        if value == parser().get_default(name) or name in {"scratch", "results"}:
            continue
        text = ",".join(map(str, value)) if isinstance(value, list) else value
        words.append(f"--{name.replace('_', '-')}" + ("" if value is True else f" {text}"))
    return " ".join(words)


def write(folder: Path, command: str, entries: list[dict[str, Any]]) -> None:
    path = folder / "training.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    every = [each for each in kept if each["command"] != command] + entries
    path.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "training.md").write_text(as_markdown(every), encoding="utf-8")
    print(as_markdown(entries))


def as_markdown(entries: list[dict[str, Any]]) -> str:
    lines = []
    for command, where in dict.fromkeys((each["command"], each["machine"]) for each in entries):
        lines += [f"`{command}` on {where}:", "", "| | value | floor |", "| --- | ---: | ---: |"]
        for each in entries:
            if (each["command"], each["machine"]) == (command, where):
                floor = "" if each["floor"] is None else f"{each['floor']:.2f}"
                lines.append(f"| {each['name']} | {shown(each)} | {floor} |")
        lines.append("")
    return "\n".join(lines)


def shown(each: dict[str, Any]) -> str:
    value, unit = each["value"], each["unit"]
    if value is None:
        return str(unit)
    return (
        f"{value:,.0f} {unit}" if unit == "rows/s" else f"{value:.2f} {unit}".replace(" ratio", "")
    )


def parser() -> argparse.ArgumentParser:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--rows", type=int, default=50_000)
    described.add_argument("--dimension", type=int, default=384)
    described.add_argument("--batch", type=numbers, default=[512, 4096])
    described.add_argument("--hidden", type=numbers, default=[1024, 256, 64])
    described.add_argument("--rounds", type=int, default=5)
    described.add_argument("--threads", type=int, default=1)
    described.add_argument("--shuffle-mb", type=int, default=64)
    described.add_argument("--larger-than-memory", action="store_true")
    described.add_argument("--best", action="store_true", help="the best recipe, on demo products")
    described.add_argument("--scratch", help="where the data file is written")
    described.add_argument("--results", default=RESULTS, help="where training.json and .md go")
    return described


if __name__ == "__main__":
    main()
