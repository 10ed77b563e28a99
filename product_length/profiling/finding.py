"""One thing about a catalogue that a person should know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`text`: in plain words. `settings`: overrides that answer it, to copy, if one thinks so too.

    `answer`: what the settings do. `is_fault`: something is wrong with the file, not only
    remarkable. `recommended`: the settings belong into the first command that is run.
    """

    about: str
    text: str
    settings: tuple[str, ...] = ()
    answer: str = ""
    is_fault: bool = False
    recommended: bool = False
