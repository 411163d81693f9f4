import numpy as np
import pytest

from minitf.core import dtypes, registry
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import REQUIRED, ArgDef, AttrDef, register_kernel, register_op
from minitf.core.shapes import TensorShape


@pytest.fixture(autouse=True)
def empty_registries(monkeypatch):
    for name in ("_ops", "_kernels", "_gradients"):
        monkeypatch.setattr(registry, name, {})


@pytest.mark.parametrize("text, kind, default, minimum, allowed", [
    ("T: type", "type", REQUIRED, None, None),
    ("T: type = float", "type", dtypes.float32, None, None),
    ("T: {float32, float64}", "type", REQUIRED, None, [dtypes.float32, dtypes.float64]),
    ("T: {int32, int64} = int32", "type", dtypes.int32, None, [dtypes.int32, dtypes.int64]),
    ("padding: {\"SAME\", 'VALID'} = 'SAME'", "string", "SAME", None, ["SAME", "VALID"]),
    ("N: int >= 1", "int", REQUIRED, 1, None),
    ("axis: int = -1", "int", -1, None, None),
    ("k: int>=2=5", "int", 5, 2, None),
    ("low: int >= -3 = -1", "int", -1, -3, None),
    ("flag: bool = False", "bool", False, None, None),
    ("rate: float = 1", "float", 1.0, None, None),
    ("text: string = 'a = b >= c'", "string", "a = b >= c", None, None),
    ("shape: shape = None", "shape", TensorShape(None), None, None),
    ("axes: list(int) = []", "list(int)", (), None, None),
    ("rates: list(float) = [1, 0.5]", "list(float)", (1.0, 0.5), None, None),
    ("axes: list(int) >= 1 = [1, 2]", "list(int)", (1, 2), 1, None),
    ("types: list(type) = [int32, float]", "list(type)", (dtypes.int32, dtypes.float32), None, None),
    ("types: list(type) = []", "list(type)", (), None, None),
    ("shapes: list(shape) = [[2], None]", "list(shape)", (TensorShape([2]), TensorShape(None)), None, None),
])
def test_attribute_declarations(text, kind, default, minimum, allowed):
    attr = AttrDef(text)
    assert (attr.name, attr.type, attr.minimum, attr.allowed) == (text.split(":")[0], kind, minimum, allowed)
    assert attr.default is REQUIRED if default is REQUIRED else attr.default == default and type(attr.default) is type(default)


@pytest.mark.parametrize("text, value, kept", [
    ("T: type", "int32", dtypes.int32),
    ("T: type", dtypes.int32.as_ref, dtypes.int32),
    ("T: {int32, int64}", np.int64, dtypes.int64),
    ("flag: bool", np.True_, True),
    ("flag: bool", 0, False),
    ("n: int", np.int64(3), 3),
    ("n: int >= 1", 1, 1),
    ("x: float", np.float32(0.5), 0.5),
    ("x: float", 2, 2.0),
    ("p: {'SAME', 'VALID'}", "VALID", "VALID"),
    ("s: shape", [2, None], TensorShape([2, None])),
    ("l: list(int)", np.array([1, 2]), (1, 2)),
    ("l: list(float)", np.float32([1, 0.5]), (1.0, 0.5)),
    ("l: list(type) >= 1", ["int32"], (dtypes.int32,)),
    ("l: list(shape)", [[1], None], (TensorShape([1]), TensorShape(None))),
])
def test_attribute_values(text, value, kept):
    got = AttrDef(text).check(value, "Op")
    assert got == kept and type(got) is type(kept)


@pytest.mark.parametrize("text, value, error", [
    ("T: type", "flaot", TypeError("Attribute 'T' of op type Op must be type, got 'flaot': Cannot convert value 'flaot' to a TensorFlow DType.")),
    ("T: {int32, int64}", "string", TypeError("Value passed to attribute 'T' of op type Op is string, not in the list of allowed values: int32, int64")),
    ("p: {'SAME', 'VALID'}", "FULL", ValueError("Value passed to attribute 'p' of op type Op is 'FULL', not in the list of allowed values: 'SAME', 'VALID'")),
    ("flag: bool", 2, TypeError("Attribute 'flag' of op type Op must be bool, got 2: not a bool")),
    ("flag: bool", "yes", TypeError("Attribute 'flag' of op type Op must be bool, got 'yes': not a bool")),
    ("n: int", True, TypeError("Attribute 'n' of op type Op must be int, got True: a bool is not an int")),
    ("n: int", 1.5, TypeError("Attribute 'n' of op type Op must be int, got 1.5: 'float' object cannot be interpreted as an integer")),
    ("n: int >= 1", 0, ValueError("Attribute 'n' of op type Op must be at least 1, got 0")),
    ("x: float", "1.5", TypeError("Attribute 'x' of op type Op must be float, got '1.5': not a number")),
    ("t: string", b"a", TypeError("Attribute 't' of op type Op must be string, got b'a': not a str")),
    ("s: shape", [-1], ValueError("Attribute 's' of op type Op must be shape, got [-1]: Dimension -1 must be >= 0")),
    ("l: list(int)", [1.5], TypeError("Attribute 'l' of op type Op must be list(int), got [1.5]: 'float' object cannot be interpreted as an integer")),
    ("l: list(int)", 3, TypeError("Attribute 'l' of op type Op must be list(int), got 3: 'int' object is not iterable")),
    ("l: list(type)", "int32", TypeError("Attribute 'l' of op type Op must be list(type), got 'int32': not a list")),
    ("l: list(int) >= 2", [1], ValueError("Attribute 'l' of op type Op must have at least 2 elements, got (1,)")),
])
def test_attribute_errors(text, value, error):
    with pytest.raises(type(error)) as e:
        AttrDef(text).check(value, "Op")
    assert str(e.value) == str(error)


def test_a_misspelt_declaration_is_an_error():
    with pytest.raises(ValueError, match="there is no attribute type 'flaot'; there are type, bool, int"):
        AttrDef("rate: flaot = 1")
    with pytest.raises(ValueError, match="Argument 'x: T': T is neither a dtype nor a declared attribute"):
        ArgDef("x: T", {})
    with pytest.raises(ValueError, match=r"Argument 'x: N \* int32': N is not a declared attribute"):
        ArgDef("x: N * int32", {})


@pytest.mark.parametrize("text, expected", [
    ("x: float32", dict(dtype=dtypes.float32, type_attr=None, number_attr=None, is_type_list=False, is_ref=False)),
    ("x: T", dict(dtype=None, type_attr="T", number_attr=None, is_type_list=False, is_ref=False)),
    ("x: Ref(T)", dict(dtype=None, type_attr="T", number_attr=None, is_type_list=False, is_ref=True)),
    ("x: Ref(int64)", dict(dtype=dtypes.int64, type_attr=None, number_attr=None, is_type_list=False, is_ref=True)),
    ("x: N * T", dict(dtype=None, type_attr="T", number_attr="N", is_type_list=False, is_ref=False)),
    ("x: N*int32", dict(dtype=dtypes.int32, type_attr=None, number_attr="N", is_type_list=False, is_ref=False)),
    ("x: Tin", dict(dtype=None, type_attr="Tin", number_attr=None, is_type_list=True, is_ref=False)),
])
def test_argument_declarations(text, expected):
    attrs = {a.name: a for a in map(AttrDef, ("T: type", "N: int", "Tin: list(type)"))}
    arg = ArgDef(text, attrs)
    assert arg.name == "x" and {k: getattr(arg, k) for k in expected} == expected


def test_register_op():
    @register_op("Twice", inputs=["x: T"], outputs=["y: T"], attrs=["T: {float32}"], is_commutative=True)
    def twice_shape(c):
        return [c.inputs[0]]

    definition = registry.op_def("Twice")
    assert definition.shape_fn is twice_shape and definition.value_fn is None
    assert definition.is_commutative and not definition.is_stateful and not definition.is_alias
    assert [a.name for a in definition.inputs + definition.outputs] == ["x", "y"] and list(definition.attrs) == ["T"]
    with pytest.raises(ValueError, match="Op type 'Twice' is registered already"):
        register_op("Twice")(twice_shape)
    assert registry.op_types() == ["Twice"]


def test_register_value():
    register_op("Shape")(lambda c: [[1]])

    @registry.register_value("Shape")
    def shape_value(c):
        return [np.array([3])]

    assert registry.op_def("Shape").value_fn is shape_value
    with pytest.raises(ValueError, match="Op type 'Shap' is not registered; the nearest names are Shape$"):
        registry.register_value("Shap")(shape_value)
    with pytest.raises(ValueError, match="Op type 'Zzz' is not registered$"):
        registry.op_def("Zzz")


class TestKernels:
    def test_constraints_choose(self):
        small, large, any_type = object(), object(), object()
        register_kernel("Add", T=[dtypes.float32, "int32"])(small)
        register_kernel("Add", T=["float64"], in_place=True)(large)
        register_kernel("Neg")(any_type)
        assert registry.find_kernel("Add", {"T": dtypes.float32}).kernel is small
        assert registry.find_kernel("Add", {"T": dtypes.int32}).kernel is small
        found = registry.find_kernel("Add", {"T": dtypes.float64, "other": 3})
        assert found.kernel is large and found.in_place
        assert registry.find_kernel("Add", {"T": dtypes.bool}) is registry.find_kernel("Add", {}) is None
        assert registry.find_kernel("Add", {"T": dtypes.float32}, "GPU") is registry.find_kernel("Mul", {}) is None
        assert registry.find_kernel("Neg", {"T": dtypes.bool}).kernel is any_type

    def test_dtype_constraints_may_be_names_whatever_the_attribute_is_called(self):
        register_kernel("Loss", Tlabels=["int32", np.int64])("kernel")
        assert registry.find_kernel("Loss", {"Tlabels": dtypes.int64}).kernel == "kernel"
        assert registry.find_kernel("Loss", {"Tlabels": dtypes.float32}) is None

    def test_other_constraints(self):
        register_kernel("Conv2D", data_format=["NHWC"])("kernel")
        assert registry.find_kernel("Conv2D", {"data_format": "NHWC"}).kernel == "kernel"
        assert registry.find_kernel("Conv2D", {"data_format": "NCHW"}) is None

    def test_the_latest_is_preferred(self):
        register_kernel("Add")("first")
        register_kernel("Add", T=["int32"])("second")
        assert registry.find_kernel("Add", {"T": dtypes.int32}).kernel == "second"
        assert registry.find_kernel("Add", {"T": dtypes.int64}).kernel == "first"

    def test_decorating_returns_the_class(self):
        @register_kernel("Add")
        class Add:
            pass
        assert isinstance(Add, type)

    def test_no_kernel(self):
        register_kernel("Add", "GPU", T=[dtypes.float32])("kernel")
        register_kernel("Add", T=[dtypes.float32, dtypes.float64], kind=["x"])("kernel")
        assert registry.kernel_or_error("Add", {"T": dtypes.float32}, "GPU", "a").kernel == "kernel"
        with pytest.raises(InvalidArgumentError) as e:
            registry.kernel_or_error("Add", {"T": dtypes.int32, "_device": 0}, "CPU", "scope/a")
        assert e.value.message == (
            "No OpKernel was registered to support Op 'Add' with these attrs on a CPU (op 'scope/a'): {'T': 'int32'}. Registered kernels:\n"
            "  device='CPU'; T in [float32, float64]; kind in [x]\n"
            "  device='GPU'; T in [float32]")
        with pytest.raises(InvalidArgumentError, match="<no registered kernels>"):
            registry.kernel_or_error("Mul", {}, "CPU", "m")


def test_gradients():
    def square_grad(op, grad):
        return grad

    assert registry.register_gradient("Square")(square_grad) is square_grad
    registry.not_differentiable("Shape")
    assert registry.gradient_of("Square") is square_grad and registry.gradient_of("Shape") is None
    with pytest.raises(KeyError, match="is registered already"):
        registry.not_differentiable("Square")
    with pytest.raises(LookupError, match="Mul"):
        registry.gradient_of("Mul")
