"""The forward of a torch module, followed symbolically (torch.fx) by the functions that are read."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx, nn

from constructions.networks import torch_operations as operations
from constructions.networks import torch_pooling as pooling
from constructions.networks.torch_out import SparseLinear
from constructions.networks.torch_parts import check_eval, numbers, refused, unknown
from constructions.networks.torch_values import Rows, Tracing

_SAME: dict[str, Callable[..., Rows]] = dict.fromkeys(
    ["contiguous", "clone", "detach", "double", "float", "half", "bfloat16", "cpu", "cuda", "to", "type_as"],
    operations.cast,
)
# Functions, operators and methods, by name; a method ending in _ works in place.
_READ: dict[str, Callable[..., Rows]] = {
    **_SAME,
    **dict.fromkeys(["add", "iadd"], operations.add),
    **dict.fromkeys(["sub", "subtract", "isub"], operations.sub),
    **dict.fromkeys(["mul", "multiply", "imul"], operations.mul),
    **dict.fromkeys(["div", "divide", "truediv", "true_divide", "itruediv"], operations.div),
    **dict.fromkeys(["neg", "negative"], operations.neg),
    "rsub": operations.rsub,
    **dict.fromkeys(["matmul", "mm"], operations.matmul),
    "addmm": operations.addmm,
    "linear": operations.linear,
    **dict.fromkeys(["conv1d", "conv2d", "conv3d"], operations.conv),
    "batch_norm": operations.batch_norm,
    **dict.fromkeys(["dropout", "dropout1d", "dropout2d", "dropout3d"], operations.dropout),
    **dict.fromkeys(["alpha_dropout", "feature_alpha_dropout"], operations.dropout),
    "relu": operations.relu,
    "relu6": operations.relu6,
    "hardtanh": operations.hardtanh,
    "leaky_relu": operations.leaky_relu,
    "prelu": operations.prelu,
    **dict.fromkeys(["abs", "absolute"], operations.abs_),
    **dict.fromkeys(["clamp", "clip"], operations.clamp),
    "clamp_min": operations.clamp,
    "clamp_max": lambda t, x, max: operations.clamp(t, x, None, max),
    **dict.fromkeys(["maximum", "max"], operations.maximum),
    **dict.fromkeys(["minimum", "min"], operations.minimum),
    "amax": pooling.amax,
    "amin": pooling.amin,
    "mean": pooling.mean,
    "sum": pooling.total,
    "pad": operations.pad,
    "interpolate": operations.interpolate,
    **dict.fromkeys(["cat", "concat", "concatenate"], operations.cat),
    "stack": operations.stack,
    **dict.fromkeys([f"avg_pool{k}d" for k in (1, 2, 3)], pooling.avg_pool),
    **dict.fromkeys([f"max_pool{k}d" for k in (1, 2, 3)], pooling.max_pool),
    **dict.fromkeys([f"adaptive_avg_pool{k}d" for k in (1, 2, 3)], pooling.adaptive_avg_pool),
    **dict.fromkeys([f"adaptive_max_pool{k}d" for k in (1, 2, 3)], pooling.adaptive_max_pool),
}
# What torch does to the places of the entries as it does to the entries.
_REORDERS = {
    *("reshape", "view", "flatten", "unflatten", "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"),
    *("squeeze", "unsqueeze", "expand", "expand_as", "repeat", "tile", "repeat_interleave", "flip", "roll", "narrow"),
    *("select", "index_select", "getitem", "chunk", "split", "tensor_split", "unbind", "t", "ravel", "broadcast_to"),
    *(
        "pixel_shuffle",
        "pixel_unshuffle",
        "channel_shuffle",
        "native_channel_shuffle",
        "view_as",
        "reshape_as",
        "rot90",
    ),
}
_MAKES = {"new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like"}
_ASKS = {"size", "dim", "ndimension", "numel", "shape", "ndim", "dtype", "device", "is_cuda", "is_floating_point"}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class _Whole(nn.Module):
    """So that the module is called, not only its forward."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> Any:
        return self.module(x)


class _Symbol(fx.Proxy):
    """Passes for a tensor where a forward asks whether it was given one."""

    _is_param = False

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return torch.Tensor


class _Tracer(fx.Tracer):
    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Symbol(node, self)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        # Not what is called around a forward: hooks of gradients, as others were refused.
        return super().call_module(m, m.forward, args, kwargs)

    def create_arg(self, a: Any) -> Any:
        return a.node if isinstance(a, fx.Proxy) else super().create_arg(a)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in (*_NORMS, SparseLinear)


def traced(module: nn.Module) -> tuple[nn.Module, fx.Graph]:
    """The operations of the module's forward, and the module that holds their constants.

    Raises:
        ValueError: where it branches on values, or is otherwise not to be followed.
    """
    tracer = _Tracer()
    try:
        with torch.no_grad():
            graph = tracer.trace(_Whole(module))
    except Exception as error:  # whatever the module's own code raises when it is given no numbers
        raise refused(
            f"a forward that cannot be followed ({type(error).__name__}: {error})",
            "write it without branches on values, give its layers as a Sequential, or export it to ONNX",
        ) from error
    return tracer.root, graph


def first_size(root: nn.Module, graph: fx.Graph) -> int | None:
    """How many numbers the first operation with weights reads, where that tells the shape of a point."""
    for node in graph.nodes:
        if node.op == "call_module":
            part = root.get_submodule(str(node.target))
            if isinstance(part, SparseLinear):
                return int(part.shape[1])
            return part.num_features if type(part) is nn.BatchNorm1d else None
        name = _name(node)
        if name == "linear" and isinstance(node.args[1], fx.Node):
            return int(_held(root, node.args[1]).shape[-1])
        if "conv" in name or "pool" in name:
            return None
    return None


def forward(t: Tracing, root: nn.Module, graph: fx.Graph, x: Rows) -> Rows:
    """What the module makes of a batch.

    Raises:
        ValueError: where it does what is neither affine nor made of ReLUs, naming that.
    """
    held: dict[fx.Node, Any] = {}
    spent: list[Any] = []

    def got(node: fx.Node) -> Any:
        if isinstance(held[node], Rows) and any(held[node].value is value for value in spent):
            raise refused("an operation in place on what is read again", "use inplace=False")
        return held[node]

    for node in graph.nodes:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), got)
        if node.op == "output":
            return _output(args[0])
        try:
            held[node] = x if node.op == "placeholder" else _made(t, root, node, args, kwargs)
        except ValueError:
            raise
        except (TypeError, RuntimeError, LookupError, AttributeError, ArithmeticError) as error:
            raise refused(f"{_name(node)}{_where(node)} as it is not read: {error}") from error
        if _in_place(node) and isinstance(args[0], Rows) and held[node].value is not args[0].value:
            spent.append(args[0].value)
    raise AssertionError("a graph of torch.fx ends with its output")


def _output(found: Any) -> Rows:
    if not isinstance(found, Rows):
        kind = type(found).__name__.removeprefix("immutable_")
        raise refused(f"an output that is {kind}, not one tensor of values", "return the logits alone")
    if len(found.shape) > 1:
        raise refused(f"outputs of shape {found.shape} a point", "flatten them")
    return found


def _made(t: Tracing, root: nn.Module, node: fx.Node, args: Any, kwargs: Any) -> Any:
    if node.op == "get_attr":
        return _held(root, node)
    if node.op == "call_module":
        return _module(t, root.get_submodule(str(node.target)), *args, **kwargs)
    name = _name(node)
    call = node.target if node.op == "call_function" else operator.methodcaller(name, *args[1:], **kwargs)
    rows = list(_rows((args, tuple(kwargs.values()))))
    if not rows:
        # Constants alone: as torch computes them.
        return call(*args, **kwargs) if node.op == "call_function" else call(args[0])  # type: ignore[operator]
    if name == "getattr":
        name, args = args[1], args[:1]
    if name in _ASKS:
        asked = getattr(rows[0].place if name not in ("dtype", "is_floating_point") else torch.empty(0), name)
        return asked(*args[1:], **kwargs) if callable(asked) else asked
    if name in ("T", "mT"):
        return t.moved(rows[0], getattr(rows[0].place, name))
    if name in _MAKES:
        made = getattr(torch, name, None) or getattr(torch.Tensor, name)
        return made(rows[0].place.double(), *args[1:], **kwargs)
    short = name if name in _READ or name in _REORDERS or name.startswith("_") else name.removesuffix("_")
    if short in _REORDERS and isinstance(args[0], Rows):
        places = [one.place if isinstance(one, Rows) else one for one in args]
        # What is no view here may be one of the module's own tensors.
        short = "reshape" if short == "view" else short
        change = node.target if callable(node.target) else getattr(torch.Tensor, short)
        return _each(change(*places, **kwargs), lambda place: t.moved(args[0], place))
    if short == "getitem":
        return args[0][args[1]]
    if short not in _READ or not _is_torch(node):
        raise unknown(short, _where(node))
    if _READ[short] is operations.cast:
        return operations.cast(t, args[0], *(one for one in args[1:] if not isinstance(one, Rows)), **kwargs)
    return _READ[short](t, *args, **kwargs)


def _module(t: Tracing, part: nn.Module, x: Rows) -> Rows:
    if isinstance(part, SparseLinear):
        weight, bias = part.matrix(), numbers(part.bias, "a bias")
        return t.affine(t.flat(x), weight, bias, (len(bias),))
    check_eval(part)
    assert isinstance(part, _NORMS)
    return operations.batch_norm(
        t, x, part.running_mean, part.running_var, part.weight, part.bias, training=False, eps=part.eps
    )


def _held(root: nn.Module, node: fx.Node) -> Any:
    found = operator.attrgetter(str(node.target))(root)
    return found.detach().clone() if isinstance(found, torch.Tensor) else found


def _name(node: fx.Node) -> str:
    return str(node.target) if node.op != "call_function" else str(getattr(node.target, "__name__", node.target))


def _is_torch(node: fx.Node) -> bool:
    if node.op != "call_function":
        return True
    home = getattr(node.target, "__module__", None) or "torch"
    return home.startswith("torch") or home in ("_operator", "builtins")


def _where(node: fx.Node) -> str:
    """The innermost part of the module that calls it."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return ""
    path, kind = stack[-1]
    place = path.removeprefix("module").lstrip(".")
    return f" in {getattr(kind, '__name__', kind)}" + (f" at {place}" if place else "")


def _in_place(node: fx.Node) -> bool:
    name = _name(node)
    return (
        bool(node.kwargs.get("inplace"))
        or (name.endswith("_") and not name.endswith("__"))
        or (node.op == "call_function" and name in ("iadd", "isub", "imul", "itruediv"))
    )


def _rows(found: Any) -> Iterator[Rows]:
    if isinstance(found, Rows):
        yield found
    elif isinstance(found, tuple | list):
        for one in found:
            yield from _rows(one)


def _each(found: Any, change: Callable[[torch.Tensor], Rows]) -> Any:
    return change(found) if isinstance(found, torch.Tensor) else tuple(_each(one, change) for one in found)
