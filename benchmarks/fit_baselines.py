"""Fit baselines of one fold in a process of their own: `fit_baselines.py FOLDERS override …`."""

import json
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir
from strong_baselines import measure

from product_length.composition import CONF
from product_length.experiment import Experiment, from_config

if __name__ == "__main__":
    folders, *overrides = sys.argv[1:]
    with initialize_config_dir(str(CONF)):
        experiment = from_config(compose("train", overrides), Experiment)
    measure(experiment, overrides, {name: Path(each) for name, each in json.loads(folders).items()})
