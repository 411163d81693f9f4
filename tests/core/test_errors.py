import copy
import pickle
import types

import pytest

from minitf.core import errors
from minitf.core.errors import OpError

CODES = dict(CANCELLED=1, UNKNOWN=2, INVALID_ARGUMENT=3, DEADLINE_EXCEEDED=4, NOT_FOUND=5, ALREADY_EXISTS=6, PERMISSION_DENIED=7,
             RESOURCE_EXHAUSTED=8, FAILED_PRECONDITION=9, ABORTED=10, OUT_OF_RANGE=11, UNIMPLEMENTED=12, INTERNAL=13,
             UNAVAILABLE=14, DATA_LOSS=15, UNAUTHENTICATED=16)


class Unpicklable:
    name = "op"

    def __reduce__(self):
        raise TypeError("an op is part of its graph")


@pytest.mark.parametrize("name", CODES)
def test_code_and_class(name):
    code = CODES[name]
    cls = getattr(errors, "".join(word.capitalize() for word in name.split("_")) + "Error")
    assert getattr(errors, name) == code
    assert errors.exception_type_from_error_code(code) is cls
    assert errors.error_code_from_exception_type(cls) == code
    op, node_def = object(), object()
    error = cls(node_def, op, "text")
    assert isinstance(error, OpError)
    assert (error.node_def, error.op, error.message, error.error_code, str(error)) == (node_def, op, "text", code, "text")
    assert repr(error) == f"{cls.__name__}('text')"
    assert type(errors.make_error(None, None, "text", code)) is cls


def test_unknown_codes():
    assert errors.OK == 0
    for code in (0, 77):
        with pytest.raises(KeyError):
            errors.exception_type_from_error_code(code)
    error = errors.make_error(None, None, "text", 77)
    assert type(error) is errors.UnknownError and error.error_code == 77


def test_context_is_shown_after_the_message():
    error = errors.InvalidArgumentError(None, None, "bad shape")
    op, other = types.SimpleNamespace(name="a"), types.SimpleNamespace(name="b")
    assert error.add_context(op=op, lines=["op 'a' (Add)", "model.py:3"]) is error
    error.add_context(op=other, node_def="def", lines=["on the way"])
    assert error.op is op and error.node_def == "def"
    assert error.message == "bad shape"
    assert str(error) == "bad shape\nop 'a' (Add)\nmodel.py:3\non the way"


def test_contexts_are_not_shared():
    a = errors.AbortedError(None, None, "text").add_context(lines=["a"])
    for b in (copy.copy(a), copy.deepcopy(a)):
        b.add_context(lines=["b"])
        assert str(a) == "text\na" and str(b) == "text\na\nb" and b.op is a.op


class ThreeMore(OpError):
    def __init__(self, text):
        super().__init__(None, None, text, errors.ABORTED)
        self.retries = 3


@pytest.mark.parametrize("error", [errors.OutOfRangeError("def", Unpicklable(), "text"), OpError(None, None, "text", 5),
                                   errors.UnknownError(None, None, "text", 77), ThreeMore("text")], ids=lambda e: type(e).__name__)
def test_pickling_keeps_all_but_the_op(error):
    error.add_context(lines=["line"])
    got = pickle.loads(pickle.dumps(error))
    assert type(got) is type(error) and got.op is None and got.args == error.args
    assert {**got.__dict__, "op": None} == {**error.__dict__, "op": None}
    assert str(got) == str(error) == "text\nline"


def test_copy_keeps_the_op():
    error = errors.OutOfRangeError("def", Unpicklable(), "text")
    assert copy.copy(error).op is copy.deepcopy(error).op is error.op
    with pytest.raises(errors.OutOfRangeError):
        raise copy.copy(error)


def test_a_line_of_a_notebook_is_named_without_a_file():
    from minitf.core.source import capture, shorten
    code = compile("from minitf.core.source import capture\nwhere = capture()\n", "/tmp/ipykernel_4711/123456.py", "exec")
    space = {}
    exec(code, space)
    assert str(space["where"]) == "notebook cell, line 2"
    assert shorten(__file__).endswith("test_errors.py") and str(capture())
