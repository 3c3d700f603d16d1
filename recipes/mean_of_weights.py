"""Average the weights of several trainings of one net that continue each other.

    python recipes/mean_of_weights.py FIRST SECOND... --output FILE
    python recipes/mean_of_weights.py FIRST SECOND... --output FILE --config TOML --data DIR

The second form also chooses thresholds and measures the result, as at the end of a training with
that configuration. Statistics of normalisations are averaged too, so they should have been frozen.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

import raz
from raz.models import RAZNet, save_weights
from raz.training import make_config, publish, read_config
from raz.training.settings import merged


def main() -> None:
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", nargs="+", help="names or files of weights")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", default="raznet_lite")
    parser.add_argument("--config", type=Path, help="settings to calibrate and measure by")
    parser.add_argument("--data", type=Path, help="folder of their data")
    arguments = parser.parse_args()
    model = mean_of_weights(arguments.model, arguments.weights)
    if arguments.config is None:
        save_weights(model, arguments.output, dtype=torch.float32)
        return
    settings = merged(read_config(arguments.config), {"data_root": str(arguments.data)})
    sys.stdout.write(publish(model, make_config(settings), arguments.output) + "\n")


def mean_of_weights(name: str, weights: Sequence[str]) -> RAZNet:
    """Return a net with the mean of every parameter and statistic, and the first's thresholds."""
    model, *others = (raz.get_model(name, weights=each) for each in weights)
    states = [net.state_dict() for net in (model, *others)]
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.stack([state[key].double() for state in states]).mean(0))
    return model


if __name__ == "__main__":
    main()
