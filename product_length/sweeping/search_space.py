"""What the tuning sweeps search; a parameter that was given on the command line is not searched.

Each function adds its parameters to a trial, named as overrides. They are the sweeper's
`custom_search_space`: (configuration, trial) -> None.
"""

from collections.abc import Callable, Sequence

from omegaconf import DictConfig, OmegaConf
from optuna.trial import Trial

LOSSES = (
    "mape",
    "weighted_mape",
    "log_mape",
    "focal_mape",
    "rmsle",
    "combined",
    "smape",
    "huber",
    "histogram",
)
_HIDDEN = {
    "mlp": ("[512,128,64]", "[1024,256,64]", "[2048,512,128]"),
    "gated_fusion": ("[128,64]", "[256,64]", "[512,128]"),
    "attention": ("[128,64]", "[256,64]", "[512,128]"),
}
_WIDTHS = {"residual_mlp": (256, 512, 1024), "gated_fusion": (256, 512), "attention": (128, 256)}


def settings(config: DictConfig, trial: Trial) -> None:
    """Optimiser, widths, dropout, product types and neighbours."""
    draw = _Draw(config, trial)
    draw.number("trainer.learning_rate", 1e-4, 3e-3, log=True)
    draw.number("trainer.weight_decay", 1e-4, 0.3, log=True)
    draw.choice("trainer.batch_size", (128, 256, 512, 1024))
    draw.number("model.dropout", 0.0, 0.6)
    model = str(draw.chosen("model"))
    if model in _HIDDEN:
        draw.choice("model.hidden", _HIDDEN[model])
    if model in _WIDTHS:
        draw.choice("model.width", _WIDTHS[model])
    if draw.has("features.types"):
        draw.choice("features.types.width", (32, 64, 128, 256))
        draw.number("features.types.dropout", 0.0, 0.2)
    if draw.has("features.neighbours"):
        draw.choice("features.neighbours.k", (5, 10, 20, 50))


def losses_and_settings(config: DictConfig, trial: Trial) -> None:
    """The loss with the parameters that it has, the target, and all of `settings`.

    Parameters that are lengths are searched in the challenge's unit only, else left as they are.
    """
    draw = _Draw(config, trial)
    draw.choice("loss", LOSSES)
    if draw.chosen("loss") != "histogram":  # which has bins of log length
        draw.choice("features.use_log_target", (True, False))
    # What is a length in one unit is none in another.
    in_challenges_unit = OmegaConf.select(config, "data.unit") == "hundredth_inch"
    match draw.chosen("loss"):
        case "focal_mape":
            draw.number("loss.gamma", 0.0, 4.0)
        case "huber" if in_challenges_unit:
            draw.number("loss.delta", 0.1, 1000.0, log=True)
        case "combined":
            draw.number("loss.mix", 0.0, 1.0)
        case "weighted_mape":
            if in_challenges_unit:
                draw.number("loss.scale", 10.0, 1000.0, log=True)
            draw.number("loss.floor", 0.0, 1.0)
        case "histogram":
            draw.choice("loss.bins", (64, 128, 256))
            draw.number("loss.smoothing", 0.3, 3.0, log=True)
    settings(config, trial)


class _Draw:
    """Draws parameters of a trial, but those that are fixed."""

    def __init__(self, config: DictConfig, trial: Trial) -> None:
        self._config = config
        self._trial = trial

    def number(self, name: str, low: float, high: float, *, log: bool = False) -> None:
        self._unless_fixed(name, lambda: self._trial.suggest_float(name, low, high, log=log))

    def choice(self, name: str, choices: Sequence[str | int | bool]) -> None:
        self._unless_fixed(name, lambda: self._trial.suggest_categorical(name, choices))

    def chosen(self, group: str) -> object:
        """The option of a group in this trial."""
        fixed = self._trial.user_attrs.get(group)
        default = OmegaConf.select(self._config, f"{group}.name")
        return self._trial.params.get(group, default if fixed is None else fixed)

    def has(self, part: str) -> bool:
        """Whether the recipe has this part, such as neighbours."""
        return OmegaConf.select(self._config, part) is not None

    def _unless_fixed(self, name: str, draw: Callable[[], object]) -> None:
        # Hydra's sweeper notes what is fixed as attributes; the command line may have given others.
        if name not in self._trial.user_attrs and name not in self._trial.params:
            draw()
