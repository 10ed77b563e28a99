"""Does a run survive being killed, and does damage go unnoticed?

    python benchmarks/faults.py [--kills 60] [--damages 60] [--pairs 8] [--seed 0] [--jobs 2]

Kills: embed, train, predict and sweep on a small demo catalogue, each with SIGKILL to all of its
processes, at a time drawn from the whole run or from what follows its first word, one in four
twice; then the same command again (training with trainer.resume, where there is a last.ckpt).
Pairs: two processes of the same command at once, one of which is killed in every second pair.
Damages: one file of each kind in turn, in a drawn way (bits flipped, cut, emptied, deleted, random
bytes, a JSON value of another type), then the command that reads it.

Survived: the result of an undisturbed run, numbers to 1e-6, no partial file left. Refused: exit
code 1 or 2 with one line that begins "error: ", where the file cannot be made anew; or a report
that names the run it skips. Wrong: everything else, another result without a word, a traceback, a
failure where the same command should go on. `--only kill:17` tries one of them again, `--keep
FOLDER` leaves its files there. Results go to faults.json and faults.md in benchmarks/results; the
exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from damage import KINDS, harm
from fault_commands import (
    ROWS,
    Command,
    Ended,
    Result,
    commands,
    fault,
    fresh,
    is_refusal,
    last_words,
    run,
    seconds_to_first_word,
    start,
    write_catalogues,
)
from measured import RESULTS, Figure, write_figures
from numpy.random import Generator

from product_length.writing import write_text

KILLED = ("embed", "train", "predict", "sweep")
SURVIVED, REFUSED, WRONG = "survived", "refused", "wrong"
_SKIPPED = "Skipped, not finished"


@dataclass(frozen=True)
class Outcome:
    """What came of one try: of what kind, what was done, how it ended, what it said."""

    name: str
    kind: str
    done: str
    verdict: str
    said: str = ""

    def __str__(self) -> str:
        return ": ".join([f"{self.name}, {self.kind}", self.done, self.verdict, self.said]).rstrip(
            ": "
        )


@dataclass
class Undisturbed:
    """Folders with undisturbed runs, what these came to, and how long they took, in seconds."""

    root: Path
    commands: dict[str, Command]
    results: dict[str, Result] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    silent: float = 0.0

    @classmethod
    def make(cls, root: Path) -> Undisturbed:
        """Run everything once; a training run is cut short too."""
        write_catalogues(root)
        found = cls(root, commands(root))
        folders = {"embed": "embedded", "train": "trained", "predict": "predicted"}
        folders |= {"sweep": "swept", "report": "swept"}
        for name, folder in folders.items():
            command = found.commands[name]
            place = root / folder if name == "report" else fresh(root, folder, command)
            ended = run(command, place)
            if ended.code != 0:
                raise SystemExit(f"{name} fails undisturbed:\n{ended.said}")
            found.results[name] = command.result(place)
            found.seconds[name] = ended.seconds
        found.results["train beside it"] = found.results["train"]
        found.silent = seconds_to_first_word(
            found.commands["train"], fresh(root, "first", found.commands["train"])
        )
        found._cut_training()
        return found

    def _cut_training(self) -> None:
        """Kill a training run between two epochs."""
        train = self.commands["train"]
        for _ in range(20):
            folder = fresh(self.root, "cut", train)
            process, _ = start(train, folder)
            while not (folder / "run/checkpoints/last.ckpt").exists() and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            process.wait()
            if (folder / "run/checkpoints/last.ckpt").exists() and (
                not (folder / "run/report.json").exists()
            ):
                return
        raise SystemExit("training is over before it can be cut short")


def try_kill(base: Undisturbed, number: int, draw: Generator, folder_name: str) -> Outcome:
    """Kill one command once or twice, and run it again."""
    command = base.commands[KILLED[number % len(KILLED)]]
    name, kind = f"kill:{number}", f"killed: {command.name}"
    early, times = bool(draw.integers(2)), 1 + int(draw.integers(4) == 0)
    share = draw.random(times)
    done = []
    folder = fresh(base.root, folder_name, command)
    for part in share:
        whole = base.seconds[command.name] - (0 if early else base.silent)
        after = float(part) * max(whole, 1.0)
        while (ended := run(command, folder, after, once_it_speaks=not early)).code >= 0:
            if ended.code != 0:  # one that was killed before does not go on
                return Outcome(name, kind, " ".join(done), WRONG, last_words(ended.said, folder))
            after *= 0.7  # it was over before
            folder = fresh(base.root, folder_name, command)
        done.append(f"after {ended.seconds:.1f} s")
    ended = run(command, folder)
    said = fault(ended, folder, command, base.results[command.name])
    return Outcome(name, kind, ", ".join(done), WRONG if said else SURVIVED, said or "")


def try_pair(base: Undisturbed, number: int, draw: Generator, folder_name: str) -> Outcome:
    """Run a command twice at once; in every second pair, kill one of them."""
    command = base.commands[KILLED[number % len(KILLED)]]
    beside = base.commands["train beside it"] if command.name == "train" else command
    folder = fresh(base.root, folder_name, command)
    killed = number // len(KILLED) % 2 == 1
    name, kind = f"pair:{number}", f"two at once: {command.name}"
    whole = base.seconds[command.name]
    after = float(draw.uniform(min(base.silent, whole / 2), whole)) if killed else None
    done = "both to their end" if after is None else f"one killed after {after:.1f} s"
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(run, command, folder, after)
        second = threads.submit(run, beside, folder).result()
        ended = first.result()
    for each in (second, ended):
        if each.code != 0 and not (killed and each is ended and each.code < 0):
            code = f"exit code {each.code}, {last_words(each.said, folder)}"
            return Outcome(name, kind, done, WRONG, code)
    if killed:
        ended = run(command, folder)
    said = fault(ended, folder, command, base.results[command.name])
    said = said or fault(second, folder, beside, base.results[beside.name])
    return Outcome(name, kind, done, WRONG if said else SURVIVED, said or "")


def try_damage(base: Undisturbed, number: int, draw: Generator, folder_name: str) -> Outcome:
    """Damage one file, and run the command that reads it."""
    kind = KINDS[number % len(KINDS)]
    command = base.commands[kind.command]
    folder = base.root / folder_name
    shutil.copytree(base.root / kind.state, folder)
    done = harm(kind, folder, draw)
    ended = run(command, folder)
    expected = base.results[command.name]
    verdict, said = _after_damage(ended, folder, command, expected, kind.cached)
    return Outcome(f"damage:{number}", f"damaged: {kind.name}", done, verdict, said)


def _after_damage(
    ended: Ended, folder: Path, command: Command, expected: Result, cached: bool
) -> tuple[str, str]:
    said = fault(ended, folder, command, expected)
    if said is None:
        return SURVIVED, ""
    if ended.code == 0 and _SKIPPED in ended.said:  # and it names the run
        return REFUSED, said
    if not is_refusal(ended):
        return WRONG, said
    if not cached:
        return REFUSED, said
    again = fault(run(command, folder), folder, command, expected)
    return (REFUSED, said) if again is None else (WRONG, f"again and again: {said}")


TRIES: dict[str, Callable[[Undisturbed, int, Generator, str], Outcome]] = {
    "kill": try_kill,
    "pair": try_pair,
    "damage": try_damage,
}


def main() -> int:
    options = parser().parse_args()
    counts = {"kill": options.kills, "pair": options.pairs, "damage": options.damages}
    planned = [(what, number) for what, count in counts.items() for number in range(count)]
    if options.only:
        what, _, number = options.only.partition(":")
        planned = [(what, int(number))]
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        root = Path(options.keep or scratch).resolve()
        root.mkdir(parents=True, exist_ok=True)
        base = Undisturbed.make(root)
        taken = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in base.seconds.items())
        print(f"undisturbed: {taken}; {base.silent:.1f} s to the first word", flush=True)

        def one(place: tuple[str, int]) -> Outcome:
            what, number = place
            draw = np.random.default_rng([options.seed, list(TRIES).index(what), number])
            outcome = TRIES[what](base, number, draw, f"{what}-{number}")
            if not options.keep:
                shutil.rmtree(root / f"{what}-{number}")
            print(outcome, flush=True)
            return outcome

        with ThreadPoolExecutor(options.jobs) as threads:
            outcomes = list(threads.map(one, planned))
    words = f"--kills {options.kills} --damages {options.damages} --pairs {options.pairs}"
    command = f"python benchmarks/faults.py {words} --seed {options.seed}"
    if not options.only:
        write_figures(options.results / "faults.json", figures(outcomes), command)
        write_text(options.results / "faults.md", as_markdown(outcomes))
    print(as_markdown(outcomes))
    return int(any(each.verdict == WRONG for each in outcomes))


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    return [
        Figure(f"{kind}: {name}", count, "tries", ROWS)
        for kind, counts in tallied(outcomes).items()
        for name, count in counts.items()
    ]


def tallied(outcomes: Iterable[Outcome]) -> dict[str, dict[str, int]]:
    """How many of each kind, and of all, were tried, and how they ended."""
    found: dict[str, dict[str, int]] = {}
    for each in outcomes:
        for kind in (each.kind, f"all {each.kind.partition(':')[0]}"):
            counts = found.setdefault(kind, dict.fromkeys(("tried", SURVIVED, REFUSED, WRONG), 0))
            counts["tried"] += 1
            counts[each.verdict] += 1
    return dict(sorted(found.items(), key=lambda item: (item[0].startswith("all"), item[0])))


def as_markdown(outcomes: Iterable[Outcome]) -> str:
    outcomes = list(outcomes)
    lines = ["| | tried | survived | refused in one line | wrong |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for kind, counts in tallied(outcomes).items():
        lines.append(f"| {kind} | " + " | ".join(map(str, counts.values())) + " |")
    wrong = [f"- {each}" for each in outcomes if each.verdict == WRONG]
    return "\n".join([*lines, *(["", "Wrong:", "", *wrong] if wrong else [])]) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--kills", type=int, default=60)
    made.add_argument("--damages", type=int, default=60)
    made.add_argument("--pairs", type=int, default=8, help="of processes of one command at once")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--jobs", type=int, default=2, help="tries at a time")
    made.add_argument("--only", help="one try: kill:N, pair:N or damage:N")
    made.add_argument("--keep", type=Path, help="a folder in which all files stay")
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    sys.exit(main())
