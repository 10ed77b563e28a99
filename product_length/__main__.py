"""`product-length VERB …` or `python -m product_length VERB …`: one verb; the list without any."""

import runpy
import sys
from collections.abc import Sequence

from product_length.command_line.suggestions import close_names, did_you_mean
from product_length.verbs import VERBS, WITHOUT_KEYS
from product_length.version import __version__

USAGE = f"""\
usage: product-length VERB [group=option …] [key=value …]
   or: python -m product_length.VERB [group=option …] [key=value …]

Predict the physical lengths of products from their texts, and find the best recipe for it.

{{verbs}}

product-length VERB --help explains what a verb takes.
product-length --version says the version, here {__version__}.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb as `python -m product_length.VERB` does; else list them or say what is wrong.

    Returns the exit code, 0, or 2 for a verb that there is not. A verb exits by itself.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
    elif given[0] in ("-V", "--version"):
        sys.stdout.write(f"product_length {__version__}\n")
    elif given[0] in VERBS:
        _run(given[0], given[1:])
    elif given[0] in ("-sc", "--shell-completion"):
        return _complete(given[1:])
    else:
        sys.stderr.write(f"error: {no_such_verb(given[0])}\n")
        return 2
    return 0


def _run(verb: str, words: Sequence[str]) -> None:
    sys.argv = [sys.argv[0], *words]
    # The verb is `__main__`, as with -m: the processes that it starts find it by that name.
    runpy.run_module(f"product_length.{verb}", run_name="__main__", alter_sys=True)


def _complete(words: Sequence[str]) -> int:
    """Answer a shell that completes a line, or print what makes it ask."""
    from product_length.command_line import completion  # not before: it imports Hydra

    action, _, shell = (words or [""])[0].partition("=")
    if action == "query":
        if verb := completion.verb_to_complete():
            if verb not in WITHOUT_KEYS:
                _run(verb, ["-sc", *words])
        else:
            sys.stdout.write(" ".join(completion.verbs_that_begin_alike()) + "\n")
        return 0
    if completion.print_script(action, shell):
        return 0
    sys.stderr.write(
        "error: completion is for product-length in bash, zsh or fish, as in "
        'eval "$(product-length -sc install=bash)"\n'
    )
    return 2


def usage() -> str:
    """How to call the package, with all verbs."""
    width = max(map(len, VERBS))
    return USAGE.format(verbs="\n".join(f"  {verb:<{width}}  {VERBS[verb]}" for verb in VERBS))


def no_such_verb(given: str) -> str:
    """What to write instead of a first word that is no verb."""
    if given.startswith("-") or "=" in given:
        return f"{given}: the verb comes first, as in product-length train {given}"
    there = f"the verbs are {', '.join(VERBS)}"
    return f"{given}: no such verb{did_you_mean(close_names(given, VERBS))}; {there}"


if __name__ == "__main__":
    sys.exit(main())
