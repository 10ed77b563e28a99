"""Completion of `product-length VERB …` by the TAB key: Hydra's own, with the verb before it."""

import os
import re
import sys
from collections.abc import Sequence

from hydra.core.plugins import Plugins
from hydra.plugins.completion_plugin import CompletionPlugin

from product_length.verbs import VERBS

_LINE = "COMP_LINE"
"""The variable in which a shell hands over the line that is being typed."""


def print_script(action: str, shell: str) -> bool:
    """Print what a shell must evaluate to `install` or `uninstall` completion; False: unknown."""
    program = os.path.basename(sys.argv[0])  # noqa: PTH119 -- a name, not a path
    plugins = {each.provides(): each for each in Plugins.instance().discover(CompletionPlugin)}
    if action not in ("install", "uninstall") or shell not in plugins or program.endswith(".py"):
        return False
    getattr(plugins[shell](config_loader=None), action)()
    return True


def verb_to_complete() -> str | None:
    """The verb whose words are being typed; its name is taken out of the line for Hydra.

    None where the verb itself is being typed, or is none of those.
    """
    found = re.match(r"(\S+\s+)(\S+)\s+", os.environ.get(_LINE, ""))
    if found is None or found[2] not in VERBS:
        return None
    os.environ[_LINE] = found[1] + os.environ[_LINE][found.end() :]
    return found[2]


def verbs_that_begin_alike() -> Sequence[str]:
    """The verbs that begin as the word that is being typed after the program's name."""
    words = os.environ.get(_LINE, "").split(" ")[1:]
    return [verb for verb in VERBS if len(words) < 2 and verb.startswith("".join(words))]
