"""Finds a sentence-transformers model's files, and what they are, without loading it."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from product_length.embeddings.library_noise import quiet_libraries
from product_length.errors import UserError

log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_SETTINGS = {".json", ".txt", ".model"}
# Of a hub repository: other formats of the same weights, and data that no encoder reads.
_OTHER_FOLDERS = {"onnx", "openvino", "coreml"}
_OTHER_FILES = {"data_config.json", "README.txt", "requirements.txt"}


@dataclass(frozen=True)
class ModelFiles:
    """A model's folder and the digest of its content."""

    folder: Path
    digest: str


def find_model(model: str, revision: str | None, setting: str) -> ModelFiles:
    """Locate a model: a local folder, else the hub's cache, else the hub itself.

    `setting` names the config key that holds `model` in messages. Raises UserError when the model
    cannot be had, or its files cannot be a sentence-transformers model.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        fault = _fault(path)
        if fault:
            raise UserError(
                f"{setting}={model}: {fault}; point it at the folder of a complete "
                "sentence-transformers model"
            )
        return ModelFiles(path, _digest(path))
    if path.exists() or path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        what = "is a file, not a folder" if path.exists() else "there is no such folder"
        raise UserError(
            f"{setting}={model}: {what}; give a model's folder, or its name on the hub such as "
            "sentence-transformers/all-MiniLM-L6-v2"
        )
    repository = model if "/" in model else f"sentence-transformers/{model}"
    folder = _cached(repository, revision) or _download(repository, revision, setting)
    return ModelFiles(folder, _digest(folder))


def needed_files(names: Iterable[str]) -> list[str]:
    """The files that decide a model's vectors, of all the files in its repository or folder.

    Settings, tokenizer and weights; safetensors where there are any, else PyTorch's pickles.
    """
    paths = [PurePosixPath(name) for name in names]
    kept = []
    for path in paths:
        if _OTHER_FOLDERS & set(path.parts) or any(part.startswith(".") for part in path.parts):
            continue
        if path.suffix == ".safetensors" or (
            path.suffix in _SETTINGS and path.name not in _OTHER_FILES
        ):
            kept.append(path)
        elif path.name.startswith("pytorch_model") and path.suffix == ".bin":
            beside = (p for p in paths if p.parent == path.parent)
            if not any(p.suffix == ".safetensors" for p in beside):
                kept.append(path)
    return sorted(str(path) for path in kept)


def _files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return needed_files(path.relative_to(folder).as_posix() for path in paths)


def _digest(folder: Path) -> str:
    """sha256 over the names and contents of the needed files."""
    digest = hashlib.sha256()
    for name in _files(folder):
        content = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
        digest.update(f"{name}\0{content.hexdigest()}\n".encode())
    return digest.hexdigest()


def _fault(folder: Path) -> str | None:
    """Why a folder cannot be a whole sentence-transformers model; None where it can."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        parts = [(str(module["type"]), str(module["path"])) for module in modules]
    except FileNotFoundError:
        return "not a sentence-transformers model (it has no modules.json)"
    except (OSError, ValueError, KeyError, TypeError):
        return "its modules.json cannot be read"
    present = [PurePosixPath(name) for name in _files(folder)]
    for kind, part in parts:
        if not kind.endswith((".Transformer", ".Dense")):
            continue  # pooling, normalisation: without weights, some without a folder
        here = [path for path in present if path.parent == PurePosixPath(part)]
        if not any(path.suffix in (".safetensors", ".bin") for path in here):
            where = f"its part {part!r}" if part else "it"
            return f"{where} has no weights (model.safetensors or pytorch_model.bin)"
    return None


def _cached(repository: str, revision: str | None) -> Path | None:
    """The hub cache's folder of a model; None where it is absent or incomplete."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, "modules.json", revision=revision)
    except HFValidationError:
        return None  # the download says what is wrong with the name
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return None if _fault(folder) else folder


def _download(repository: str, revision: str | None, setting: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub import errors as hub_errors

    elsewhere = f"point {setting} at a folder that holds it: {setting}=/path/to/folder"
    try:
        with quiet_libraries():
            info = HfApi().model_info(repository, revision=revision, timeout=_TIMEOUT_S)
            files = needed_files(file.rfilename for file in info.siblings or [])
            log.info("downloading %s (%d files) from the model hub", repository, len(files))
            folder = Path(
                snapshot_download(
                    repository, revision=revision, allow_patterns=files, etag_timeout=_TIMEOUT_S
                )
            )
    except hub_errors.HFValidationError as error:
        raise UserError(
            f"{setting}={repository}: neither a folder nor a name on the model hub; {elsewhere}"
        ) from error
    except hub_errors.RevisionNotFoundError as error:
        raise UserError(
            f"{setting.removesuffix('.model')}.revision={revision}: the model hub has no such "
            f"revision of {repository}; give one of its commits, tags or branches"
        ) from error
    except hub_errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{setting}: the model hub has no model {repository}, or it is private (then `hf auth "
            f"login` first); correct the name, or {elsewhere}"
        ) from error
    except Exception as error:  # the hub's client lets through whatever its HTTP library raises
        raise UserError(
            f"{setting}: {repository} is not in the local cache and cannot be had from the model "
            f"hub ({first_line(error)}); connect to the network, or {elsewhere}"
        ) from error
    fault = _fault(folder)
    if fault:
        raise UserError(f"{setting}={repository}: {fault}; choose another model, or {elsewhere}")
    return folder


def first_line(error: Exception) -> str:
    """An error in one line, for a message."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
