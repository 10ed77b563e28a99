"""The database of studies: whether it can be reached, and a lock on it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from product_length.errors import ConfigError, UserError, first_line
from product_length.secrets import remember, shown

_LOCK = 0x706C5F7377656570
"""Of PostgreSQL's advisory locks, the one that sweeps take: a number that no other takes."""


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """One process at a time, where the database is a file, whose folder is made, or PostgreSQL."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        Path(parsed.database).absolute().parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{parsed.database}.lock"):
            yield
    elif backend == "postgresql":
        # The server lets the lock go when the connection ends, also where its process was killed.
        engine = create_engine(parsed, poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            yield
    else:
        yield


@contextlib.contextmanager
def reached(url: str) -> Iterator[None]:
    """Raises ConfigError for a URL that is none, UserError where the database cannot be used.

    A password in the URL is kept out of what is shown from now on.
    """
    remember(url)
    try:
        yield
    except (ArgumentError, ValueError) as error:
        raise ConfigError(shown(f"storage={url}: {first_line(error)}")) from error
    except ImportError as error:
        raise UserError(
            shown(
                f"storage={url}: the driver of this database is not installed ({error}); for "
                "PostgreSQL: pip install -c constraints.txt -e '.[postgresql]', and "
                "storage=postgresql+psycopg://…"
            )
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise UserError(
            shown(f"storage={url}: the studies' database cannot be used ({first_line(error)})")
        ) from error
