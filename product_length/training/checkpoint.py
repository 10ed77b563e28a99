"""How Lightning writes a run's checkpoints, and takes them up in another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typing_extensions import override

from product_length.lightning_import import ModelCheckpoint, TorchCheckpointIO
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes whole and reads checked; Lightning's own writes to /tmp and copies from there."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Replace `path` with this checkpoint. Raises UserError when the disk refuses it."""
        write_checkpoint(checkpoint, Path(path))

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """The checkpoint at `path`, its tensors on the CPU. Raises UserError as read_checkpoint."""
        return read_checkpoint(Path(path))


class RunCheckpoint(ModelCheckpoint):
    """ModelCheckpoint whose memory of the best epoch survives a move to another run folder."""

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what was kept, with every path in this run's folder."""
        moved = dict(state_dict)
        for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
            moved[key] = self._here(state_dict[key])
        scores = state_dict["best_k_models"]
        moved["best_k_models"] = {self._here(path): score for path, score in scores.items()}
        moved["dirpath"] = self.dirpath
        super().load_state_dict(moved)

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path
