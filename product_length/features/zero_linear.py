"""Linear layers that start at zero: what they add to is at first as it is without them."""

from torch import nn


class _ZeroLinear(nn.Linear):
    def reset_parameters(self) -> None:
        """No random number is drawn; `nn.utils.skip_init` would import SymPy for that."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


def zero_linear(inputs: int, outputs: int, *, bias: float = 0.0) -> nn.Linear:
    """A linear layer whose weights are 0 and whose biases are `bias`; it draws no random number."""
    layer = _ZeroLinear(inputs, outputs)
    nn.init.constant_(layer.bias, bias)
    return layer
