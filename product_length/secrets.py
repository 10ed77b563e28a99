"""Passwords and keys stay in the process: in no file, no message, nothing that W&B gets.

A secret is what stands before the @ of a URL and after its user (`postgresql://u:SECRET@host/db`),
and the value of whatever is named like one (`password=SECRET`, `WANDB_API_KEY`).
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote

_VARIABLE = "PRODUCT_LENGTH_SECRET_"
_HIDDEN = "***"
_SHORTEST = 3
"""Shorter passwords are found by their place only: their letters stand in other words too."""
_SHORTEST_PART = 4
_SHORTEST_OF_ENVIRONMENT = 8
_NAME = (
    r"[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"credentials?|odbc_connect)"
)
_NAMED = re.compile(_NAME, re.IGNORECASE)
_QUOTED = re.compile(r"""(['"])(.*)\1""", re.DOTALL)
_SIGNS = re.compile(r"[@:/?&=;]")
_ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")  # as Hydra's overrides know them


def _places(character: str, end: str, sign: str) -> re.Pattern[str]:
    """Finds secrets: group 1 is what stands before one, group 2 the secret."""
    of_url = rf"(?P<url>://[^\s/:@]*:)(?P<in_url>(?:(?!://){character})+)(?=@)"
    named = rf"(?P<name>(?<![\w-]){_NAME}['\"]?\s*{sign}\s*['\"]?)(?P<named>(?!\$\{{|\*\*\*){end}+)"
    return re.compile(f"{of_url}|{named}", re.IGNORECASE | re.DOTALL)


# A URL of which it is certain what in it is the password; anything else with an @ is hidden whole.
_LEGIBLE = re.compile(r"[\w+]+://[\w.%+-]*(:\$\{.*\})?@[^@]*|[^@]*", re.DOTALL)
_IN_VALUE = _places(".", "[^&]", "=")
_IN_DICT = _places(".", r"[^&,}]", "[=:]")
_IN_TEXT = _places(r"\S", r"""[^\s&"']""", "=")


def hide(override: str) -> str:
    """The override with its secrets as `${oc.env:…}`: they are kept in this process's environment.

    Its children have them too. Hydra and all that it writes see names of variables alone.
    """
    key, sign, value = override.partition("=")
    quoted = _QUOTED.fullmatch(value)
    inner = quoted[2].replace(f"\\{quoted[1]}", quoted[1]) if quoted else value
    if not sign or re.fullmatch(r"\$\{[^{}]*\}", inner) or inner in ("", "null", "???"):
        return override
    if _NAMED.fullmatch(key.rpartition(".")[2].lstrip("+~")):
        return f"{key}={_keep(inner if quoted else _unescaped(inner))}"

    def kept(found: re.Match[str]) -> str:
        secret = found["in_url"] or found["named"]
        if "${" in secret:  # it comes from elsewhere already
            return found[0]
        return (found["url"] or found["name"]) + _keep(secret if quoted else _unescaped(secret))

    places = _IN_DICT if inner.startswith(("{", "[")) else _IN_VALUE
    hidden = places.sub(kept, inner)
    # A second look: a URL may have both, a user's password and a query that names another.
    hidden = places.sub(kept, hidden)
    if key.rpartition(".")[2].lstrip("+~") == "storage" and not _LEGIBLE.fullmatch(hidden):
        hidden = _keep(inner if quoted else _unescaped(inner))
    if hidden == inner:
        return override
    if not quoted:
        return f"{key}={hidden}"
    escaped = hidden.replace(quoted[1], f"\\{quoted[1]}")
    return f"{key}={quoted[1]}{escaped}{quoted[1]}"


def remember(url: str) -> None:
    """Keep the secrets of a database's URL, wherever it comes from, out of what is shown later."""
    hide(f"storage={url}")


def shown(text: str) -> str:
    """Text for people, without the secrets in it."""
    for secret in sorted(_known(), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _masked(_IN_TEXT, text)


def shown_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for people: those named like secrets lose their values."""
    return {
        name: _HIDDEN if _NAMED.fullmatch(name) else shown(value)
        for name, value in variables.items()
    }


def without_secrets(value: Any) -> Any:
    """Plain values, nested ones too, without passwords in their texts."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return _masked(_IN_TEXT, value) if isinstance(value, str) else value


def keep_out_of_logs() -> None:
    """From now on no line of a log and no traceback of this process shows a secret."""
    make = logging.getLogRecordFactory()
    if getattr(make, "keeps_secrets", False):
        return

    def record(*arguments: Any, **options: Any) -> logging.LogRecord:
        made = make(*arguments, **options)
        try:
            said = made.getMessage()
        except Exception:  # a fault of the caller's, which logging itself reports
            return made
        if (clean := shown(said)) != said:
            made.msg, made.args = clean, ()
        if made.exc_info and made.exc_info[0] is not None:
            made.exc_text = shown("".join(traceback.format_exception(*made.exc_info)).rstrip())
        return made

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        sys.stderr.write(shown("".join(traceback.format_exception(kind, error, trace))))

    record.keeps_secrets = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)
    sys.excepthook = report


def _keep(secret: str) -> str:
    number = 1
    while os.environ.get(f"{_VARIABLE}{number}", secret) != secret:
        number += 1
    os.environ[f"{_VARIABLE}{number}"] = secret
    return f"${{oc.env:{_VARIABLE}{number}}}"


def _known() -> set[str]:
    """Secrets that this process was given, as they may be written: in a URL, or plainly."""
    found = set()
    for name, value in os.environ.items():
        ours = name.startswith(_VARIABLE)
        least = _SHORTEST if ours else _SHORTEST_OF_ENVIRONMENT
        if ours or (_NAMED.fullmatch(name) and name not in ("PWD", "OLDPWD")):
            ways = {value, unquote(value), quote(value, safe="")}
            found |= {way for way in ways if len(way) >= least}
            # Of p@ss a database may have taken "p" for the password, and "ss@host" for the host.
            parts = _SIGNS.split(unquote(value)) if ours else []
            found |= {part for part in parts if len(part) >= _SHORTEST_PART}
    return found


def _masked(places: re.Pattern[str], text: str) -> str:
    def mask(found: re.Match[str]) -> str:
        return (found["url"] or found["name"]) + _HIDDEN

    return places.sub(mask, places.sub(mask, text))


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)
