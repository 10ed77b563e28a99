"""Libraries that import others which nothing here uses, where these happen to be installed.

They work without them. What is hidden while they are imported costs no time: transformers,
scipy.signal and pandas take as long to import as PyTorch.
"""

import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Whatever is imported inside finds none of these packages installed.

    One that is imported already is hidden too. A library that looks for them in another way is
    slower to import, no more.
    """
    loaded = {name: sys.modules[name] for name in packages if name in sys.modules}
    version = importlib.metadata.version

    def version_if_shown(distribution_name: str) -> str:
        if distribution_name in packages:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return version(distribution_name)

    blocked: dict[str, Any] = dict.fromkeys(packages)  # None: `import` says there is no such module
    sys.modules.update(blocked)
    importlib.metadata.version = version_if_shown
    try:
        yield
    finally:
        importlib.metadata.version = version
        for name in packages:
            del sys.modules[name]
        sys.modules.update(loaded)


def keep_pandas_out() -> None:
    """pyarrow imports pandas at the first list that it makes an array of; a command needs none.

    Where pandas is imported already, nothing changes.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    with hidden("pandas"):
        pa.array([0])
