"""Linear layers in 8-bit integers, for CPUs: MiniLM 1.4 times as fast as in float32, cosine 0.999.

PyTorch's dynamic quantisation has one scale for a whole batch: a text's vector would depend on its
neighbours, and one large number would coarsen all others (cosine 0.93 to 0.99 with MiniLM). Here
each token has a scale of its own, and each output too. The few channels in which a sentence
encoder's numbers are large are multiplied in float32 (Dettmers et al. 2022,
https://arxiv.org/abs/2208.07339). Inputs of one sign, as after GELU, get all levels on their side,
and one fixed scale: that is accurate enough there, and saves three passes over the widest tensors.
"""

import threading
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

# A channel is multiplied in float32 when it is so many times as large as the median channel.
_LARGE = 3.0
# Two products of 8 bits are added in 16 on CPUs without VNNI: 7 bits of input cannot overflow.
_LEVELS = 127
_MIDDLE = 64
# Inputs whose least is nearer to zero than this share of the greatest are of one sign.
_ONE_SIGN = 1 / 8
# Where one scale serves all tokens, so many of them fit into 7 bits; the others use the eighth, and
# could overflow where two neighbouring weights are large as well.
_TOKENS_REACHED = 0.9

_TITLES = [
    "Steel ruler, 30 cm x 2.5 cm, stainless, with inch and mm marks",
    "cotton saree with blouse piece, Banarasi silk, 5.5 m",
    "Samsung Galaxy A52 back cover [shockproof, raised edges, black] case 6.5 inch",
    "The Complete Works of William Shakespeare (Paperback, 1,248 pages)",
    "LED tube light 20W T5, 4 feet - pack of 2; cool day-light 6500K",
    "Men's Running Shoes UK-9 | Blue/White | breathable mesh; size: 28 x 10.2 x 9 cm",
    "Vorhang, blickdicht, 140 x 245 cm – 2er Set, für Schlafzimmer",
]
# Fixed: a model's int8 vectors must not depend on the catalogue that it happens to read.
CALIBRATION = [*_TITLES, ". ".join(_TITLES), ". ".join(_TITLES[::-1]) * 2]


class Int8Linear(nn.Module):
    """Linear layers of the same input, one beside the other: products of 8 bits, float32 results.

    examples: float32 (tokens, in), what they read of `CALIBRATION`.
    """

    def __init__(self, layers: Sequence[nn.Linear], examples: Tensor) -> None:
        super().__init__()
        with warnings.catch_warnings():  # PyTorch warns once in a process that quint8 is to go
            warnings.simplefilter("ignore")
            torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.quint8)
        weight = torch.cat([layer.weight.detach() for layer in layers])
        size = examples.abs().amax(0)
        large = size > _LARGE * size.median()
        self._large = large.nonzero()[:, 0]
        self._large_weight = weight[:, large].T.contiguous()
        self._small = (~large).float()
        weight = weight * self._small
        self._scales = weight.abs().amax(1).clamp(min=1e-8) / 127
        levels = (weight / self._scales[:, None]).round().to(torch.int8)
        self._no_zeros = torch.zeros(len(levels), dtype=torch.long)
        self._weight = torch.ops.onednn.qlinear_prepack(levels, None)
        self._bias = torch.cat([_bias(layer) for layer in layers])

        examples = examples * self._small
        least, greatest = float(examples.min()), float(examples.max())
        self._step, self._zero = 1 / (_LEVELS - _MIDDLE), _MIDDLE
        self._has_one_scale = -least <= _ONE_SIGN * greatest
        if self._has_one_scale:
            reached = float(examples.amax(1).quantile(_TOKENS_REACHED))
            self._step = max(reached - least, 1e-6) / _LEVELS
            self._zero = round(-least / self._step)
        # What the zero point adds to each product, which is quicker added here than by the kernel.
        self._offset = -self._step * self._zero * self._scales * levels.sum(1)
        if self._has_one_scale:
            self._offset += self._bias

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 (…, in) to float32 (…, sum of out)."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        if self._has_one_scale:
            product = self._multiply(rows, self._offset)
        else:
            small = rows * self._small
            # Two passes: abs writes what it finds, and norms and aminmax are ten times as slow.
            largest = torch.maximum(small.amax(1, keepdim=True), -small.amin(1, keepdim=True))
            product = self._multiply(small.div_(largest.clamp_(min=1e-6)), self._offset)
            torch.addcmul(self._bias, product, largest, out=product)
        if len(self._large):
            product.addmm_(rows.index_select(1, self._large), self._large_weight)
        return product.reshape(*inputs.shape[:-1], -1)

    def _multiply(self, rows: Tensor, offset: Tensor) -> Tensor:
        whole = torch.quantize_per_tensor(rows, self._step, self._zero, torch.quint8)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            _bytes(whole),
            self._step,
            0,
            self._weight,
            self._scales,
            self._no_zeros,
            offset,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return product


def _bias(layer: nn.Linear) -> Tensor:
    return torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()


def _bytes(whole: Tensor) -> Tensor:
    """The same memory as plain uint8; `int_repr` copies it, which takes longer than making it."""
    return torch.empty(0, dtype=torch.uint8).set_(
        whole.untyped_storage(), 0, whole.shape, whole.stride()
    )


class _Together(threading.local):
    """What a thread last computed for layers of the same input."""

    inputs: Tensor | None = None
    results: tuple[Tensor, ...] = ()


class _Part(nn.Module):
    """One layer of several that are multiplied at once, when the first of them is asked."""

    def __init__(self, every: Int8Linear, widths: list[int], place: int, last: _Together) -> None:
        super().__init__()
        self._every = every
        self._widths = widths
        self._place = place
        self._last = last

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 (…, in) to float32 (…, out)."""
        last = self._last
        if last.inputs is not inputs:
            last.inputs, last.results = inputs, self._every(inputs).split(self._widths, -1)
        result = last.results[self._place]
        if self._place == len(self._widths) - 1:
            last.inputs, last.results = None, ()
        return result


def int8_is_supported() -> bool:
    """Whether this build of PyTorch has the kernels (x86 only)."""
    engines = torch.backends.quantized.supported_engines
    return "fbgemm" in engines and "onednn" in engines


class _Group:
    """Layers that read the same tensor, and all that they read."""

    def __init__(self) -> None:
        self.layers: list[nn.Linear] = []
        self.inputs: list[Tensor] = []


def quantise(module: nn.Module, run: Callable[[], object]) -> None:
    """Replace the linear layers of a float32 module on CPU, in place.

    `run` sends CALIBRATION through the module; layers that it does not reach stay as they are.
    """
    names = {layer: name for name, layer in module.named_modules() if type(layer) is nn.Linear}
    for group in _watch(list(names), run):
        every = Int8Linear(group.layers, torch.cat(group.inputs)).eval()
        widths = [layer.out_features for layer in group.layers]
        last = _Together()
        for place, layer in enumerate(group.layers):
            parent, _, own = names[layer].rpartition(".")
            part = every if len(widths) == 1 else _Part(every, widths, place, last).eval()
            setattr(module.get_submodule(parent), own, part)


def _watch(layers: list[nn.Linear], run: Callable[[], object]) -> list[_Group]:
    """The layers that are run, put together where one tensor is read by several in turn."""
    found: dict[nn.Linear, _Group] = {}
    last: tuple[Tensor, _Group] | None = None

    def note(layer: nn.Linear, inputs: tuple[Tensor, ...]) -> None:
        nonlocal last
        tensor = inputs[0]
        if layer not in found:
            found[layer] = last[1] if last is not None and last[0] is tensor else _Group()
            found[layer].layers.append(layer)
        group = found[layer]
        last = tensor, group
        if group.layers[0] is layer:
            group.inputs.append(tensor.detach().reshape(-1, tensor.shape[-1]))

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return list(dict.fromkeys(found.values()))
