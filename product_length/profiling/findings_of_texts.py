"""Findings about languages, lengths of texts, and what texts state."""

from collections.abc import Iterator

from product_length.profiling.finding import Finding
from product_length.profiling.languages import UNCLEAR
from product_length.profiling.profile import Profile
from product_length.profiling.stated import UNNAMED
from product_length.profiling.texts import NO_LETTERS, CutFigures
from product_length.profiling.wording import share

_FOREIGN, _MOSTLY_FOREIGN = 0.05, 0.2
_MANY_CUT = 0.05
_LONGEST_INPUT = 512
"""Tokens that the usual encoders have positions for."""
_OFTEN_STATED = 0.05
_LEAST_SHOWN = 0.01


def findings_of_texts(profile: Profile) -> Iterator[Finding]:
    """In the order in which the page shows their figures."""
    yield from _languages(profile)
    yield from _cuts(profile)
    yield from _stated(profile)


def _languages(profile: Profile) -> Iterator[Finding]:
    texts = profile.texts
    known = {name: rows for name, rows in texts.languages.items() if name != UNCLEAR}
    clear = sum(known.values())
    other_script = texts.sampled - texts.scripts.get("Latin", 0) - texts.scripts.get(NO_LETTERS, 0)
    foreign = clear - known.get("English", 0)
    if not clear or max(foreign / clear, other_script / texts.sampled) < _FOREIGN:
        return
    named = ", ".join(
        f"{name} {share(rows, clear)}"
        for name, rows in known.items()
        if rows >= _LEAST_SHOWN * clear
    )
    text = (
        f"Of the texts whose language is clear: {named}. minilm, mpnet and e5small have learned "
        "English; distiluse reads fifty languages, and words or lsa learn those of this catalogue."
    )
    settings = ("embeddings=distiluse",) if foreign >= _MOSTLY_FOREIGN * clear else ()
    yield Finding("languages", text, settings, "Encode texts in many languages")


def _cuts(profile: Profile) -> Iterator[Finding]:
    cuts = [cut for cut in profile.texts.cuts if cut.cut >= _MANY_CUT]
    if not cuts:
        return
    named = "; ".join(
        f"{cut.encoder} ({cut.limit} tokens) {share(cut.cut)} of the texts, {share(cut.lost)} of "
        "all tokens"
        for cut in cuts
    )
    estimated = [cut.encoder for cut in cuts if cut.estimated]
    text = f"Encoders cut long texts: {named}."
    if estimated:
        text += (
            f" Tokens are estimated for {', '.join(estimated)}: no tokenizer is on this machine."
        )
    text += " Longer inputs cost time; what comes first in data.text.fields is read."
    yield Finding(
        "words",
        text,
        tuple(filter(None, map(_longer, cuts))),
        "Have encoders read 95% of the texts whole, as far as they can",
    )


def _longer(cut: CutFigures) -> str | None:
    """The setting with which 95% of the texts are read whole, as far as the model can."""
    wanted = min(_LONGEST_INPUT, 64 * -(-int(cut.tokens["0.95"]) // 64))
    if wanted <= cut.limit:
        return None
    return f"embeddings.encoders.{cut.encoder}.max_seq_length={wanted}"


def _stated(profile: Profile) -> Iterator[Finding]:
    figures = profile.stated
    if not figures.sampled:
        return
    if not figures.stating:
        yield Finding("stated", "No text states a length.")
        return
    if figures.stating < _OFTEN_STATED * figures.sampled:
        text = f"Few texts state a length: {figures.stating:,} of {figures.sampled:,}."
        yield Finding("stated", text)
        return
    text = f"{share(figures.stating, figures.sampled)} of the texts state a length with its unit"
    if figures.is_label is not None:
        text += f"; in {share(figures.is_label, figures.stating)} of these one of them is the label"
        sides = [
            each
            for each in figures.sides
            if each.rows >= _OFTEN_STATED * figures.stating and each.name != UNNAMED
        ]
        if sides:
            best = max(sides, key=lambda side: side.is_label * side.rows)
            text += f", most often {best.name} ({share(best.is_label)} of {best.rows:,} rows)"
    yield Finding(
        "stated",
        f"{text}.",
        ("features=[types,measurements]",),
        "Let a model see what is stated (experiment=best does)",
    )
