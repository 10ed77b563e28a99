"""Expensive results on disk, addressed by what they were made from.

An artefact is a folder `<root>/<kind>/<address>/` with a `manifest.json`. It appears whole or not
at all, is never changed afterwards, and is made again when its content disagrees with its
manifest, whatever has been damaged. Chunked arrays resume after a kill. Of several processes that
want the same artefact one computes it while the others wait; one that is there is read without a
lock, from a read-only disk too.
"""

from product_length.artefacts.array_file import save_array
from product_length.artefacts.artefact import Artefact
from product_length.artefacts.chunk_notes import Span
from product_length.artefacts.manifest import Json, address, digest_file
from product_length.artefacts.store import ArtefactStore, Chunk

__all__ = [
    "Artefact",
    "ArtefactStore",
    "Chunk",
    "Json",
    "Span",
    "address",
    "digest_file",
    "save_array",
]
