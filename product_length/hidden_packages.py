"""Libraries that import others which nothing here uses, where these happen to be installed.

They work without them. What is hidden while they are imported costs no time: transformers,
scipy.signal and pandas take as long to import as PyTorch.
"""

import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

from typing_extensions import override


class _Hides(MetaPathFinder):
    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    @override
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in self._packages:
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Whatever is imported inside finds none of these packages installed.

    One that is imported already is hidden too. A library that looks for them in another way is
    slower to import, no more.
    """
    version = importlib.metadata.version

    def version_if_shown(distribution_name: str) -> str:
        if distribution_name in packages:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return version(distribution_name)

    loaded = {name: sys.modules.pop(name) for name in packages if name in sys.modules}
    hides = _Hides(packages)
    sys.meta_path.insert(0, hides)
    importlib.metadata.version = version_if_shown
    try:
        yield
    finally:
        importlib.metadata.version = version
        sys.meta_path.remove(hides)
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
