"""The three registries: what an op is, which kernels compute it, and what its gradient is.

An op is declared as in TensorFlow's REGISTER_OP, and the decorated function is its shape function:

    @register_op("MatMul", inputs=["a: T", "b: T"], outputs=["product: T"],
                 attrs=["T: {float32, float64}", "transpose_a: bool = False", "transpose_b: bool = False"])
    def matmul_shape(c):
        ...
        return [TensorShape([rows, columns])]

Arguments are "name: TYPE", where TYPE is a dtype (`int32`), a type attribute (`T`), a number of tensors of one type
(`N * T`), a list of types (`Tin`, an attribute of type `list(type)`), or a reference to a variable (`Ref(T)`).
Attributes are "name: TYPE [>= minimum] [= default]", where TYPE is bool, int, float, string, type, shape, tensor,
list(int), list(float), list(type), list(shape), graph (the body of a control flow op), or a set of the allowed values: {float32, float64} or {"SAME", "VALID"}.  An op holds
a shape as a TensorShape and a list as a tuple; the minimum of a list is its least length.
"""
import ast
import operator
import re

import numpy as np

from .dtypes import DType, as_dtype
from .errors import InvalidArgumentError
from .shapes import as_shape

REQUIRED = object()           # the default of an attribute that has none


class ArgDef:
    """One declared input or output: its name and how its dtype is found."""
    __slots__ = ("name", "dtype", "type_attr", "number_attr", "is_type_list", "is_ref")

    def __init__(self, text, attrs):
        name, _, spec = text.partition(":")
        self.name, spec = name.strip(), spec.strip()
        ref = re.fullmatch(r"Ref\((\w+)\)", spec)
        self.is_ref = ref is not None
        spec = ref[1] if ref else spec
        number = re.fullmatch(r"(\w+)\s*\*\s*(\w+)", spec)
        self.number_attr, spec = (number[1], number[2]) if number else (None, spec)
        self.type_attr = spec if spec in attrs else None
        self.is_type_list = self.type_attr is not None and attrs[spec].type == "list(type)"
        if self.number_attr is not None and self.number_attr not in attrs:
            raise ValueError(f"Argument {text!r}: {self.number_attr} is not a declared attribute")
        try:
            self.dtype = None if self.type_attr else as_dtype(spec)
        except TypeError:
            raise ValueError(f"Argument {text!r}: {spec} is neither a dtype nor a declared attribute") from None


class AttrDef:
    """One declared attribute: its type, its default, and what is allowed."""
    __slots__ = ("name", "type", "default", "allowed", "minimum")

    def __init__(self, text):
        name, _, rest = text.partition(":")
        rest, equals, default = re.match(r"((?:>=|[^=])*)(=?)(.*)", rest.strip()).groups()
        rest, at_least, minimum = rest.partition(">=")
        self.name, self.type, self.allowed = name.strip(), rest.strip(), None
        self.minimum = int(minimum) if at_least else None
        if self.type.startswith("{"):
            words = _words(self.type)
            quoted = words[0][:1] in "\"'"
            self.allowed = [w.strip("\"'") if quoted else as_dtype(w) for w in words]
            self.type = "string" if quoted else "type"
        if self.type not in _CONVERTERS:
            raise ValueError(f"Attribute {text!r}: there is no attribute type {self.type!r}; there are {', '.join(_CONVERTERS)}")
        self.default = _CONVERTERS[self.type](_parse_default(default.strip(), self.type)) if equals else REQUIRED

    def check(self, value, op_type):
        """The value as the op will hold it; ValueError or TypeError says what is allowed."""
        try:
            value = _CONVERTERS[self.type](value)
        except (TypeError, ValueError) as e:
            kind = ValueError if isinstance(e, ValueError) else TypeError
            raise kind(f"Attribute '{self.name}' of op type {op_type} must be {self.type}, got {value!r}: {e}") from None
        if self.allowed is not None and value not in self.allowed:
            names = ", ".join(v.name if isinstance(v, DType) else repr(v) for v in self.allowed)
            shown = value.name if isinstance(value, DType) else repr(value)
            error = TypeError if self.type == "type" else ValueError
            raise error(f"Value passed to attribute '{self.name}' of op type {op_type} is {shown}, not in the list of allowed values: {names}")
        if self.minimum is not None:
            is_list = self.type.startswith("list")
            if (len(value) if is_list else value) < self.minimum:
                raise ValueError(f"Attribute '{self.name}' of op type {op_type} must {'have' if is_list else 'be'} at least {self.minimum}"
                                 f"{' elements' if is_list else ''}, got {value}")
        return value


def _words(text):
    """The parts of a list or set written as '{a, b}' or '[a, b]'."""
    inner = text.strip("{}[] ")
    return [w.strip() for w in inner.split(",")] if inner else []


def _parse_default(text, kind):
    if kind == "type":
        return as_dtype(text)
    if kind == "list(type)":
        return [as_dtype(w) for w in _words(text)]
    return ast.literal_eval(text)


def _base_dtype(value):
    return as_dtype(value).base_dtype


def _bool(value):
    if isinstance(value, (bool, np.bool_)) or hasattr(value, "__index__") and value in (0, 1):
        return bool(value)
    raise TypeError("not a bool")


def _int(value):
    if isinstance(value, (bool, np.bool_)):
        raise TypeError("a bool is not an int")
    return operator.index(value)


def _float(value):
    if isinstance(value, (str, bytes, bool)):
        raise TypeError("not a number")
    return float(value)


def _string(value):
    if not isinstance(value, str):
        raise TypeError("not a str")
    return value


def _graph(value):
    if not hasattr(value, "inputs") or not hasattr(value, "outputs") or not hasattr(value, "captures"):
        raise TypeError("not the body of a control flow op")
    return value


def _list_of(convert):
    def convert_all(values):
        if isinstance(values, str):
            raise TypeError("not a list")
        return tuple([convert(v) for v in values])
    return convert_all


# attribute type -> what turns a user's value into the one that the op holds
_CONVERTERS = {
    "type": _base_dtype, "bool": _bool, "int": _int, "float": _float, "string": _string, "shape": as_shape,
    "tensor": lambda value: value,
    "graph": _graph, "list(int)": _list_of(_int), "list(float)": _list_of(_float), "list(type)": _list_of(_base_dtype), "list(shape)": _list_of(as_shape),
}


class OpDef:
    """What an op type is.

    is_stateful       never folded, merged or run twice; it may read or change something that outlives the step
    is_commutative    the order of its inputs does not matter (common subexpressions)
    is_alias          its output is its first input's bytes under another shape: no work at run time
    is_dynamic        an output's shape depends on the data (Where, Unique): a plan is cut behind it
    has_bodies        an attribute is a graph that the op runs; it takes variables as references wherever an input is one
    constants         names of inputs whose values a kernel needs when it is prepared, not only when it runs (axes, a permutation)
    shape_fn(c)       static shapes of the outputs from a ShapeContext
    value_fn(c)       the outputs' values, where they follow from the inputs' shapes or known values alone; or None
    """
    __slots__ = ("name", "inputs", "outputs", "attrs", "shape_fn", "value_fn", "is_stateful", "is_commutative", "is_alias", "is_dynamic", "constants",
                 "has_bodies")

    def __init__(self, name, inputs, outputs, attrs, shape_fn, is_stateful, is_commutative, is_alias, is_dynamic, constants):
        self.name = name
        self.attrs = {a.name: a for a in map(AttrDef, attrs)}
        self.inputs = [ArgDef(text, self.attrs) for text in inputs]
        self.outputs = [ArgDef(text, self.attrs) for text in outputs]
        self.shape_fn, self.value_fn = shape_fn, None
        self.is_stateful, self.is_commutative, self.is_alias, self.is_dynamic = is_stateful, is_commutative, is_alias, is_dynamic
        self.has_bodies = any(a.type == "graph" for a in self.attrs.values())
        self.constants = [k if k == 0 else k - len(self.inputs) for k, arg in enumerate(self.inputs) if arg.name in constants]


class KernelDef:
    """A kernel class with the device type and the attribute values that it serves.

    binds     it gives its outputs their memory itself, each a counted storage that it may share; attribute "_shapes" has the shapes it must give
    keeps     it may keep its inputs behind the step, by reference: large ones get a storage of their own
    in_place  the first output may lie in the memory of any input of the same shape and dtype whose value nobody else needs
    strings   it serves elements that are Python objects (strings) too, though it names no dtypes: most kernels move bytes and may not
    """
    __slots__ = ("op_type", "device_type", "constraints", "kernel", "in_place", "strings", "binds", "keeps")

    def __init__(self, op_type, device_type, constraints, kernel, in_place, strings, binds, keeps):
        self.op_type, self.device_type, self.constraints = op_type, device_type, constraints
        self.kernel, self.in_place, self.strings, self.binds, self.keeps = kernel, in_place, strings, binds, keeps

    def serves(self, attrs):
        for name, allowed in self.constraints.items():
            if attrs.get(name) not in allowed:
                return False
        return self.strings or not any(_holds_objects(value) for name, value in attrs.items() if name not in self.constraints)

    def __str__(self):
        limits = "; ".join(f"{name} in [{', '.join(getattr(v, 'name', str(v)) for v in allowed)}]"
                           for name, allowed in self.constraints.items())
        return f"device='{self.device_type}'" + (f"; {limits}" if limits else "")


def _holds_objects(attr):
    return type(attr) is DType and attr.holds_objects or type(attr) is tuple and any(map(_holds_objects, attr))


_ops = {}
_kernels = {}                 # (op type, device type) -> [KernelDef], newest first
_gradients = {}
_resources = {}               # op type -> function(name, attrs) that makes what the op's reference stands for


def register_op(name, inputs=(), outputs=(), attrs=(), is_stateful=False, is_commutative=False, is_alias=False, is_dynamic=False, constants=()):
    """Decorate a shape function: declares the op type `name`.  ValueError if it is declared already."""
    def decorate(shape_fn):
        if name in _ops:
            raise ValueError(f"Op type {name!r} is registered already")
        _ops[name] = OpDef(name, inputs, outputs, attrs, shape_fn, is_stateful, is_commutative, is_alias, is_dynamic, constants)
        return shape_fn
    return decorate


def register_value(name):
    """Decorate value_fn(c): what the op gives when that follows from its inputs' shapes and known values."""
    def decorate(value_fn):
        op_def(name).value_fn = value_fn
        return value_fn
    return decorate


def op_def(name):
    """The OpDef of an op type; ValueError with the nearest names if there is none."""
    try:
        return _ops[name]
    except KeyError:
        import difflib
        near = difflib.get_close_matches(name, _ops, 3)
        hint = f"; the nearest names are {', '.join(near)}" if near else ""
        raise ValueError(f"Op type {name!r} is not registered{hint}") from None


def op_types():
    """The names of all op types, sorted."""
    return sorted(_ops)


def register_kernel(op_type, device_type="CPU", in_place=False, strings=False, binds=False, keeps=False, **constraints):
    """Decorate (or call with) a Kernel class.  constraints: attribute name -> allowed values, e.g. T=[float32, float64].

    A later registration is preferred to an earlier one that serves the same attributes.
    """
    constraints = {name: [as_dtype(v) if name in ("T", "dtype", "SrcT", "DstT", "Tidx") or isinstance(v, DType) else v for v in allowed]
                   for name, allowed in constraints.items()}

    def decorate(kernel):
        _kernels.setdefault((op_type, device_type), []).insert(0, KernelDef(op_type, device_type, constraints, kernel, in_place, strings, binds, keeps))
        return kernel
    return decorate


def register_resource(op_type):
    """Decorate function(name, attrs) -> Resource: the op has no inputs, and its output is a reference to what the function makes.

    A session makes it once, under the op's container and shared name, and no kernel computes the op.
    """
    def decorate(make):
        _resources[op_type] = make
        return make
    return decorate


def is_resource(op_type):
    """Whether an op of that type stands for state of the session: a variable, a queue."""
    return op_type in _resources


def resource_maker(op_type):
    """The function that was registered for an op type."""
    return _resources[op_type]


def find_kernel(op_type, attrs, device_type="CPU"):
    """The KernelDef that serves an op with these attributes on a device type, or None."""
    for kernel_def in _kernels.get((op_type, device_type), ()):
        if kernel_def.serves(attrs):
            return kernel_def
    return None


def kernels_of(op_type):
    """Every KernelDef of an op type, for error messages and for lists."""
    return [k for (name, _), defs in sorted(_kernels.items()) if name == op_type for k in defs]


def kernel_or_error(op_type, attrs, device_type, op_name):
    """find_kernel, or InvalidArgumentError listing the kernels there are."""
    found = find_kernel(op_type, attrs, device_type)
    if found is None:
        shown = {k: getattr(v, "name", v) for k, v in attrs.items() if not k.startswith("_") and k != "value"}
        have = "\n".join(f"  {k}" for k in kernels_of(op_type)) or "  <no registered kernels>"
        raise InvalidArgumentError(None, None, f"No OpKernel was registered to support Op '{op_type}' with these attrs "
                                   f"on a {device_type} (op '{op_name}'): {shown}. Registered kernels:\n{have}")
    return found


def register_gradient(op_type):
    """Decorate fn(op, *output_grads) -> one gradient per input (None: no gradient).  As tf.RegisterGradient.

    TypeError unless op_type is a string; KeyError if a gradient is registered under it already.
    """
    if not isinstance(op_type, str):
        raise TypeError(f"op_type must be a string, got {op_type!r}")

    def decorate(fn):
        if op_type in _gradients:
            raise KeyError(f"The gradient of op type {op_type!r} is registered already")
        _gradients[op_type] = fn
        return fn
    return decorate


def not_differentiable(op_type):
    """Declare that gradients stop at this op type.  As tf.NotDifferentiable."""
    register_gradient(op_type)(None)


def gradient_of(op_type):
    """The gradient function of an op type, None where gradients stop; LookupError if nothing is registered."""
    if op_type not in _gradients:
        raise LookupError(op_type)
    return _gradients[op_type]
