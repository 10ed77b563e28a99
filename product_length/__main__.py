"""`product-length VERB …` or `python -m product_length VERB …`: one verb; the list without any."""

import runpy
import sys
from collections.abc import Sequence

from product_length.command_line.suggestions import close_names, did_you_mean
from product_length.verbs import VERBS
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
        sys.argv = [sys.argv[0], *given[1:]]
        # The verb is `__main__`, as with -m: the processes that it starts find it by that name.
        runpy.run_module(f"product_length.{given[0]}", run_name="__main__", alter_sys=True)
    else:
        sys.stderr.write(f"error: {no_such_verb(given[0])}\n")
        return 2
    return 0


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
