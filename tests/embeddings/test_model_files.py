"""Finding a model: folders, what counts as its content, the hub and its absence."""

import http.server
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from product_length.embeddings.model_files import find_model, needed_files
from product_length.errors import UserError

SETTING = "embeddings.encoders.minilm.model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def refused(model: str | Path, revision: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        find_model(str(model), revision, SETTING)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_needed_files_of_a_hub_repository() -> None:
    names = [
        ".gitattributes", "README.md", "config.json", "data_config.json", "modules.json",
        "model.safetensors", "pytorch_model.bin", "tf_model.h5", "rust_model.ot", "vocab.txt",
        "tokenizer.json", "sentencepiece.bpe.model", "train_script.py", "training_args.bin",
        "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin",
        "onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.bin", ".cache/x.json",
    ]  # fmt: skip
    assert needed_files(names) == [
        "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin",
        "config.json", "model.safetensors", "modules.json", "sentencepiece.bpe.model",
        "tokenizer.json", "vocab.txt",
    ]  # fmt: skip


def test_digest_is_of_the_content_not_of_the_place(tiny_copy: Path, tmp_path: Path) -> None:
    found = find_model(str(tiny_copy), None, SETTING)
    assert found.folder == tiny_copy
    moved = Path(shutil.copytree(tiny_copy, tmp_path / "elsewhere"))
    (moved / "README.md").write_text("another card")
    (moved / "onnx").mkdir()
    (moved / "onnx" / "config.json").write_text("{}")
    assert find_model(str(moved), None, SETTING).digest == found.digest
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    assert find_model(str(moved), None, SETTING).digest != found.digest


@pytest.mark.parametrize("name", ["tokenizer.json", "1_Pooling/config.json"])
def test_digest_sees_settings(tiny_copy: Path, name: str) -> None:
    before = find_model(str(tiny_copy), None, SETTING).digest
    (tiny_copy / name).write_text((tiny_copy / name).read_text() + "\n")
    assert find_model(str(tiny_copy), None, SETTING).digest != before


def test_folders_that_are_no_model(tiny_copy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    end = "; point it at the folder of a complete sentence-transformers model"
    assert refused(empty) == (
        f"{SETTING}={empty}: not a sentence-transformers model (it has no modules.json){end}"
    )
    (tiny_copy / "model.safetensors").unlink()
    assert refused(tiny_copy) == (
        f"{SETTING}={tiny_copy}: it has no weights (model.safetensors or pytorch_model.bin){end}"
    )
    (tiny_copy / "modules.json").write_text("[{")
    assert refused(tiny_copy) == f"{SETTING}={tiny_copy}: its modules.json cannot be read{end}"


def test_a_part_without_weights(tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_models("distilbert"), tmp_path / "model"))
    (folder / "2_Dense" / "model.safetensors").unlink()
    assert "its part '2_Dense' has no weights" in refused(folder)


@pytest.mark.parametrize("model", ["./models/minilm", "~/no-such", "models/mini/lm", "/no/such"])
def test_a_folder_that_is_not_there(model: str) -> None:
    assert refused(model) == (
        f"{SETTING}={model}: there is no such folder; give a model's folder, or its name on the "
        "hub such as sentence-transformers/all-MiniLM-L6-v2"
    )


def test_a_file_is_no_folder(tiny_copy: Path) -> None:
    assert "modules.json: is a file, not a folder; give" in refused(tiny_copy / "modules.json")


class Hub(http.server.ThreadingHTTPServer):
    """As much of the model hub as a download needs."""

    def __init__(self, models: dict[str, Path]) -> None:
        self.models = models
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), HubHandler)


class HubHandler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(path)
        for name, folder in self.server.models.items():
            if path.startswith(f"/api/models/{name}/tree/"):
                return self.answer_json([self.entry(folder, file) for file in self.files(folder)])
            if path.startswith(f"/api/models/{name}"):
                if path.endswith("/revision/v9"):
                    return self.refuse("RevisionNotFound")
                siblings = [{"rfilename": file} for file in self.files(folder)]
                return self.answer_json({"id": name, "sha": COMMIT, "siblings": siblings})
            if path.startswith(f"/{name}/resolve/"):
                content = (folder / path.split("/resolve/")[1].split("/", 1)[1]).read_bytes()
                return self.answer(content, {"ETag": f'"{hash(content)}"'})
        return self.refuse("RepoNotFound")

    def files(self, folder: Path) -> list[str]:
        return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]

    def entry(self, folder: Path, file: str) -> dict[str, object]:
        size = (folder / file).stat().st_size
        return {"type": "file", "path": file, "size": size, "oid": "0" * 40}

    def refuse(self, code: str) -> None:
        self.answer(b"", {"X-Error-Code": code}, status=404)

    def answer_json(self, content: object) -> None:
        self.answer(json.dumps(content).encode(), {"Content-Type": "application/json"})

    def answer(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        headers = {"X-Repo-Commit": COMMIT, "Content-Length": str(len(content)), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def at_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Send the hub's client to another address, with an empty cache."""

    def point(url: str) -> None:
        import huggingface_hub.constants as constants

        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    return point


@pytest.fixture
def hub(tiny_models: Callable[[str], Path], at_hub: Callable[[str], None]) -> Iterator[Hub]:
    server = Hub(
        {"maker/tiny": tiny_models("bert"), "maker/bare": tiny_models("bert") / "1_Pooling"}
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    at_hub(f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_model_is_downloaded_once(
    hub: Hub, tiny_models: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    found = find_model("maker/tiny", None, SETTING)
    assert found.folder.name == COMMIT
    assert found.digest == find_model(str(tiny_models("bert")), None, SETTING).digest
    assert not (found.folder / "README.md").exists()
    asked = len(hub.asked)
    assert asked > 8
    assert find_model("maker/tiny", None, SETTING) == found
    assert find_model("maker/tiny", COMMIT, SETTING) == found
    assert len(hub.asked) == asked
    assert capfd.readouterr() == ("", "")


def test_a_download_cut_short_is_taken_up(hub: Hub) -> None:
    found = find_model("maker/tiny", None, SETTING)
    (found.folder / "model.safetensors").unlink()
    assert find_model("maker/tiny", None, SETTING) == found
    assert (found.folder / "model.safetensors").exists()


def test_what_the_hub_does_not_have(hub: Hub) -> None:
    at = f"point {SETTING} at a folder that holds it: {SETTING}=/path/to/folder"
    assert refused("maker/none") == (
        f"{SETTING}: the model hub has no model maker/none, or it is private (then `hf auth login` "
        f"first); correct the name, or {at}"
    )
    assert "the model hub has no model sentence-transformers/none" in refused("none")
    assert refused("maker/tiny", "v9") == (
        "embeddings.encoders.minilm.revision=v9: the model hub has no such revision of maker/tiny; "
        "give one of its commits, tags or branches"
    )
    assert refused("maker/bare") == (
        f"{SETTING}=maker/bare: not a sentence-transformers model (it has no modules.json); choose "
        f"another model, or {at}"
    )
    assert refused("maker/no..such") == (
        f"{SETTING}=maker/no..such: neither a folder nor a name on the model hub; {at}"
    )


def test_offline(at_hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    at_hub("http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    started = time.monotonic()
    message = refused("sentence-transformers/all-MiniLM-L6-v2")
    assert time.monotonic() - started < 5
    assert message.startswith(
        f"{SETTING}: sentence-transformers/all-MiniLM-L6-v2 is not in the local cache and cannot "
        "be had from the model hub (OfflineModeIsEnabled"
    )
    assert message.endswith(
        f"or point {SETTING} at a folder that holds it: {SETTING}=/path/to/folder"
    )


def test_nobody_answers(at_hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("product_length.embeddings.model_files._TIMEOUT_S", 0.5)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        at_hub(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        started = time.monotonic()
        message = refused("maker/tiny")
    assert time.monotonic() - started < 5
    assert "cannot be had from the model hub (ReadTimeout" in message


def test_nothing_listens(at_hub: Callable[[str], None], capfd: pytest.CaptureFixture[str]) -> None:
    at_hub("http://127.0.0.1:9")
    started = time.monotonic()
    assert "cannot be had from the model hub (ConnectError" in refused("maker/tiny")
    assert time.monotonic() - started < 5
    assert capfd.readouterr() == ("", "")
