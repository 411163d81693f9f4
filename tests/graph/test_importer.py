"""import_graph_def: maps, names, scopes, and what is refused."""
import pytest
from google.protobuf import text_format

import minitf as tf


def graph_def(text, producer=24):
    return text_format.Parse(text + f" versions {{ producer: {producer} }}", tf.GraphDef())


P = """node { name: "p" op: "Placeholder" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "shape" value { shape { dim { size: 2 } } } } } """
NEG = """node { name: "n" op: "Neg" input: "p" attr { key: "T" value { type: DT_INT32 } } } """


def node(name, op, *inputs, **attrs):
    inside = "".join(f' input: "{i}"' for i in inputs) + "".join(f" attr {{ key: '{k}' value {{ {v} }} }}" for k, v in attrs.items())
    return f'node {{ name: "{name}" op: "{op}"{inside} }} '


def names(graph):
    return [op.name for op in graph.get_operations()]


def test_names_and_scopes(graph):
    message = graph_def(P + NEG)
    for name, expected in ((None, "import/n"), (None, "import_1/n"), ("", "n"), ("", "n_1"), ("a/b", "a/b/n"), ("a/b", "a/b_1/n")):
        op, = tf.import_graph_def(message, name=name, return_elements=["n"])
        assert op.name == expected and op.inputs[0].op.name == expected.replace("n", "p") if "import" not in expected else op.name == expected
    with tf.name_scope("s"):
        assert tf.import_graph_def(message, return_elements="n:0")[0].name == "s/import/n:0"
    with pytest.raises(ValueError, match="Node name 'a/b/p' already exists in the Graph"):
        tf.import_graph_def(message, name="a/b/")
    assert tf.import_graph_def(message) is None and tf.import_graph_def(message, return_elements=[]) == []


def test_nodes_in_any_order(graph):
    tf.import_graph_def(graph_def(node("c", "NoOp", "^n") + NEG + P), name="")
    assert names(graph) == ["p", "n", "c"]


def test_input_map(graph):
    mine = tf.constant([7, 8], name="mine")
    done = tf.no_op(name="done")
    message = graph_def(P + NEG + node("w", "NoOp", "^n"))
    n, = tf.import_graph_def(message, {"p": mine}, ["n:0"])
    m, = tf.import_graph_def(message, {"p:0": [1, 2]}, ["n:0"], name="m")
    w, = tf.import_graph_def(message, {"^n": done}, ["w"])
    v, = tf.import_graph_def(message, {"^n": "^done"}, ["w"])
    assert n.op.inputs[0] is mine and m.op.inputs[0].name == "m/_inputs/Const:0" and w.control_inputs == v.control_inputs == [done]
    assert tf.import_graph_def(message, {"n": mine}, ["p"])          # there, though nobody takes it
    with tf.Session() as sess:
        assert sess.run(n).tolist() == [-7, -8]


def test_the_scopes_that_are_open_count(graph):
    first = tf.no_op(name="first")
    with tf.device("/job:a/cpu:1"), tf.control_dependencies([first]):
        p, b, n = tf.import_graph_def(graph_def(P + NEG + 'node { name: "b" op: "NoOp" device: "/gpu:0" }'), return_elements=["p", "b", "n"])
    assert p.device == "/job:a/device:CPU:1" and b.device == "/job:a/device:GPU:0"
    assert p.control_inputs == b.control_inputs == [first] and n.control_inputs == []


def test_colocation_gets_the_new_names():
    loc = 'list { s: "loc:@p" }'
    op, = tf.import_graph_def(graph_def(P + node("b", "NoOp", _class=loc)), return_elements=["b"])
    assert op.colocation == ["import/p"] and op.node_def.attr["_class"].list.s == [b"loc:@import/p"]


def test_later_names_and_attributes_of_tensorflow(graph):
    extra = dict(T="type: DT_INT32", Tidx="type: DT_INT64", grad_a="b: true", data_format='s: "NHWC"', dilations="list { i: 1 i: 1 }", unknown="b: false")
    add, = tf.import_graph_def(graph_def(P + node("a", "AddV2", "p", "p", **extra)), return_elements=["a"])
    assert add.type == "Add" and set(add.attrs) == {"T"}
    variable, = tf.import_graph_def(graph_def(node("v", "Variable", shape="shape { }", dtype="type: DT_FLOAT")), return_elements=["v:0"])
    assert variable.op.type == "VariableV2" and variable.dtype is tf.float32.as_ref and variable.shape.as_list() == []
    for bad in (dict(unknown="b: true"), dict(data_format='s: "NCHW"'), dict(dilations="list { i: 2 }"), dict(strange='list { s: "a" }'), dict(f="func { name: 'g' }")):
        key = list(bad)[0]
        with pytest.raises(ValueError, match=rf"node\[1\], 'a' \(AddV2\): attribute '{key}' is .* which asks for something that minitf's Add does not do; it has T"):
            tf.import_graph_def(graph_def(P + node("a", "AddV2", "p", "p", T="type: DT_INT32", **bad)))
    default = text_format.Parse('op { name: "AddV2" attr { name: "unknown" type: "bool" default_value { b: true } } }', tf.OpList())
    tf.import_graph_def(graph_def(P + node("a", "AddV2", "p", "p", T="type: DT_INT32", unknown="b: true")), producer_op_list=default)


def test_a_scalar_shape_meant_nothing_before_version_22():
    text = node("x", "Placeholder", dtype="type: DT_FLOAT", shape="shape { }")
    old, new = (tf.import_graph_def(graph_def(text, v), return_elements=["x:0"])[0].shape for v in (21, 22))
    assert old.ndims is None and new.as_list() == []


def test_output_shapes_are_an_assertion():
    text = node("x", "Placeholder", dtype="type: DT_FLOAT", shape="shape { unknown_rank: true }", _output_shapes="list { shape { dim { size: 3 } } }")
    x, = tf.import_graph_def(graph_def(text), return_elements=["x:0"])
    assert x.shape.as_list() == [3] and "_output_shapes" not in x.op.attrs
    with pytest.raises(ValueError, match=r"Shapes \(2,\) and \(3,\) are not compatible"):
        tf.import_graph_def(graph_def(P.replace("} } } } }", "} } } } attr { key: '_output_shapes' value { list { shape { dim { size: 3 } } } } } }")))


T = dict(T="type: DT_INT32")
BAD = [
    (node("a", "Neq", "p", "p", **T), r"node\[1\], 'a' \(Neq\): Op type not registered 'Neq'; the nearest names are .*Neg"),
    (node("a", "NoOp", "^b"), r"node\[1\], 'a' \(NoOp\): Unknown input node '\^b'"),
    (node("a", "Neg", "b", **T), "Unknown input node 'b'"),
    (node("a", "Neg", "p:x", **T), "input 'p:x' should be 'node', 'node:k' or '\\^node'"),
    (node("a", "Placeholder"), "NodeDef missing attr 'dtype' from Op Placeholder"),
    (node("p", "NoOp"), "Node 'p' is not unique"),
    (node("a", "NoOp", "^b") + node("b", "NoOp", "^a"), "The graph has a cycle: a needs b needs a"),
    (node("a", "Neg", "p", T="type: DT_FLOAT"), "Input 0 of node import/a was passed int32 from import/p:0 incompatible with expected float32."),
    (node("a", "Neg", "p:1", **T), "Connecting to invalid output 1 of source node p which has 1 outputs."),
    (node("a", "Neg", **T), r"it takes 1 inputs \(x\), got 0"),
    (node("a", "Neg", "p", "p", **T), r"it takes 1 inputs \(x\), got 2"),
    (node("a", "Neg", "p", T="i: 3"), "attribute 'T': AttrValue had value with type 'int' when 'type' expected"),
    (node("a", "Neg", "p", T=""), "AttrValue had nothing when 'type' expected"),
    (node("a", "Neg", "p", T="type: DT_HALF"), "minitf has no dtype number 19 of types.proto"),
    (node("a", "Neg", "p", T="type: DT_INT32_REF"), "int32_ref is not the type of an attribute"),
    (node("a", "Neg", "p", T="type: DT_STRING"), "not in the list of allowed values"),
    (node("a", "Neg", "^p", "p", **T), "Control dependencies must come after regular dependencies"),
    (node("a$", "NoOp"), "Node name contains invalid characters"),
    (node("", "NoOp"), "Node name contains invalid characters"),
    (node("a/", "NoOp"), "Node name contains invalid characters"),
    ('node { name: "a" op: "NoOp" device: "bogus" }', "Unknown attribute: 'bogus'"),
    (node("a", "NoOp", _class='list { s: "loc:@qq" }'), "it expects to be colocated with unknown node 'qq'"),
    (node("a", "NoOp", _class='list { s: "qq" }'), "should name nodes as 'loc:@node'"),
    (node("a", "Squeeze", "p", squeeze_dims="list { f: 1 }", **T), "AttrValue had a list of f when 'list\\(int\\)' expected"),
    (node("a", "Assign", "p", "p", **T), "was passed int32 from import/p:0 incompatible with expected int32_ref"),
    (node("a", "Pack", "p", N="i: 1000000000", **T), "its attribute 'N' is 1000000000, and it has 1 inputs"),
    (node("a", "Unpack", "p", num="i: 1000000000", **T), "1000000000 outputs"),
    (node("a", "Unpack", "p", num="i: 3", **T), "'a' \\(Unpack\\)"),
    (node("a", "Placeholder", dtype="type: DT_FLOAT", shape="shape { dim { size: -5 } }"), "-5 is not a dimension"),
    (node("a", "Placeholder", dtype="type: DT_FLOAT", shape="shape { dim { size: 4611686018427387904 } }"), "too large"),
    (node("a", "VariableV2", dtype="type: DT_FLOAT", shape="shape { }", container='s: "\\377"'), "is not UTF-8"),
]


@pytest.mark.parametrize("text, message", BAD)
def test_what_can_not_be_imported_leaves_no_trace(graph, text, message):
    one = tf.constant(1, name="one")
    with pytest.raises(ValueError, match=message):
        tf.import_graph_def(graph_def(P + text))
    assert names(graph) == ["one"] and one.consumers() == []
    assert tf.import_graph_def(graph_def(P), return_elements=["p"], name="again")[0].name == "again/p"


def test_a_failed_import_takes_back_its_uses_of_what_was_there(graph):
    one, first = tf.constant([1, 2], name="one"), tf.no_op(name="first")
    with tf.control_dependencies([first]), pytest.raises(ValueError, match="Unknown|2 inputs|takes"):
        tf.import_graph_def(graph_def(P + NEG + node("b", "Neg", "n", **T) + node("bad", "Neg", "p", "p", **T)), {"p": one})
    assert names(graph) == ["one", "first"] and one.consumers() == [] and first._control_outputs == []


def value(dtype, shape, elements):
    return node("c", "Const", dtype=f"type: {dtype}", value=f"tensor {{ dtype: {dtype} tensor_shape {{ {shape} }} {elements} }}")


@pytest.mark.parametrize("text, message", [
    (value("DT_INT32", "dim { size: 100000000000 }", "int_val: 1"), "100000000000 elements are told by 1 of them; what is repeated so takes at most 268435456 bytes"),
    (value("DT_FLOAT", "dim { size: 100000000000 }", ""), "told by 0 of them"),
    (value("DT_STRING", "dim { size: 100000000000 }", 'string_val: "a"'), "told by 1 of them"),
    (value("DT_INT32", "dim { size: -1 }", "int_val: 1"), "the shape of a value is known"),
    (value("DT_INT32", "unknown_rank: true", "int_val: 1"), "the shape of a value is known"),
    (value("DT_INT32", "dim { size: 2 }", "int_val: [1, 2, 3]"), "3 elements do not fit into a tensor of 2"),
    (value("DT_INT32", "dim { size: 2 }", 'tensor_content: "123"'), "int32\\[2\\] has 8 bytes, tensor_content has 3"),
    (value("DT_BOOL", "dim { size: 2 }", 'tensor_content: "\\001\\002"'), "the bytes of a bool tensor are 0 and 1, got 2"),
    (value("DT_STRING", "dim { size: 1 }", 'tensor_content: "a"'), "strings are read from string_val"),
    (value("DT_UINT8", "", "int_val: 256"), "256 does not fit into uint8"),
    (value("DT_INT8", "", "int_val: -129"), "-129 does not fit into int8"),
    (value("DT_HALF", "", ""), "no dtype number 19"),
    (value("DT_COMPLEX64", "", "scomplex_val: 1"), "holds pairs"),
    (value("DT_FLOAT", "", "int_val: 1"), "the elements of float32 are in float_val, but it has int_val"),
    (value("DT_INT32", "", "int_val: 1").replace("type: DT_INT32", "type: DT_FLOAT", 1), "its dtype is float32, that of its value int32"),
    (value("DT_INT32", "dim { size: 1 } " * 300, "int_val: 1"), "at most 254 dimensions"),
])
def test_values_that_are_refused_before_memory_is_taken(graph, text, message):
    with pytest.raises(ValueError, match=message):
        tf.import_graph_def(graph_def(text))
    assert names(graph) == []


def test_repeated_elements_and_the_budget_of_all(graph, monkeypatch):
    three, zero, words = (tf.import_graph_def(graph_def(t), return_elements=["c"])[0].get_attr("value") for t in (
        value("DT_FLOAT", "dim { size: 3 }", "float_val: [1, 2]"), value("DT_INT64", "dim { size: 2 }", ""), value("DT_STRING", "dim { size: 2 }", 'string_val: "a"')))
    assert three.tolist() == [1, 2, 2] and zero.tolist() == [0, 0] and words.tolist() == [b"a", b"a"]
    monkeypatch.setattr("minitf.graph.importer.MOST_REPEATED", 1000)
    part = value("DT_FLOAT", "dim { size: 150 }", "float_val: 1")
    tf.import_graph_def(graph_def(part))
    with pytest.raises(ValueError, match="told by 1"):
        tf.import_graph_def(graph_def(part + part.replace('"c"', '"d"')))


@pytest.mark.parametrize("arguments, kind, message", [
    (dict(graph_def=3), TypeError, "graph_def must be a GraphDef proto, got int"),
    (dict(input_map=3), TypeError, "input_map must be a dictionary mapping strings to Tensor objects"),
    (dict(input_map={3: 1}), TypeError, "The keys of input_map must be strings"),
    (dict(input_map={"nope:0": 1}), ValueError, r"Attempted to map inputs that were not found in graph_def: \[nope:0\]"),
    (dict(input_map={"p:1": 1}), ValueError, r"Attempted to map inputs that were not found in graph_def: \[p:1\]"),
    (dict(input_map={"^nope": "p"}), KeyError, "not in the graph"),
    (dict(input_map={"p": 1}, name=""), ValueError, "requires a non-empty `name` if `input_map` contains non-Tensor values"),
    (dict(input_map={"p": 1.5}), ValueError, "Input 0 of node import/n was passed float32 from import/_inputs/Const:0 incompatible with expected int32"),
    (dict(return_elements=[3]), TypeError, "return_elements must be a list of strings"),
    (dict(return_elements=["nope"]), ValueError, "Requested return node 'nope' not found in graph def"),
    (dict(return_elements=["nope:0"]), ValueError, "Requested return tensor 'nope:0' not found in graph def"),
    (dict(return_elements=["p:1"]), ValueError, r"Invalid return output 1 of node 'p', which has 1 output\(s\)"),
    (dict(return_elements=["p:x"]), ValueError, "Invalid return output x"),
    (dict(name=3), TypeError, "name must be a string"),
    (dict(name="$"), ValueError, "'\\$' is not a valid scope name"),
])
def test_wrong_arguments(graph, arguments, kind, message):
    with pytest.raises(kind, match=message):
        tf.import_graph_def(**{"graph_def": graph_def(P + NEG), **arguments})
    assert names(graph) == []


def test_a_finalized_graph(graph):
    graph.finalize()
    with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified."):
        tf.import_graph_def(graph_def(P))
