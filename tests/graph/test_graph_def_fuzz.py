"""Damaged and hostile GraphDefs: a clear error or a graph, and nothing else; no memory beyond their size, and nothing runs."""
import os
import random
import resource

import numpy as np
import pytest
from google.protobuf import text_format

import minitf as tf
from minitf.core.protos import parse_proto

from .test_graph_def import DATA, model

CLEAR = (ValueError, tf.errors.DataLossError, tf.errors.InvalidArgumentError)
SIZES = [0, -1, -2, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 62, 1000, 3, 70000]


@pytest.fixture(scope="module")
def message():
    with tf.Graph().as_default() as graph:
        model()
        with tf.variable_scope("more"):
            x = tf.placeholder(tf.float32, [None, 3], name="p")
            tf.reduce_sum(tf.concat([tf.reshape(x, [-1, 3]), tf.tile(tf.expand_dims(x[0], 0), [2, 1])], 0)[1:], [0, 1])
            tf.one_hot(tf.range(4), 5), tf.fill([3, 3], 1.0), tf.pad(x, [[1, 1], [0, 0]]), tf.unstack(tf.transpose(tf.ones([2, 3])))
        return graph.as_graph_def(add_shapes=True)


def attempt(data, as_text=False):
    """Whether data could be imported; any error but a clear one is the test's failure."""
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(parse_proto("GraphDef", data, as_text), name="")
        except CLEAR as error:
            assert str(error) and len(str(error)) < 5000
            assert graph.get_operations() == []
            return False
        graph.as_graph_def()
        return True


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def many(cases, data, damage, seed, as_text=False):
    rng, taken, before = random.Random(seed), 0, peak()
    for _ in range(cases):
        taken += attempt(damage(rng, data), as_text)
    assert 0 < cases - taken, "nothing was refused: the damage does no harm"
    assert peak() - before < 600 << 20
    return taken


def flip_bits(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def splice(rng, data):
    a, b, c = sorted(rng.randrange(len(data)) for _ in range(3))
    return rng.choice([data[:a], data[:a] + data[b:], data[:b] + data[a:], data[:a] + rng.randbytes(rng.randint(1, 9)) + data[b:c] + data[c:]])


def change_text(rng, text):
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        change = rng.randrange(4)
        if change == 0:
            lines[i] = lines[j]
        elif change == 1:
            del lines[i]
        elif change == 2:
            lines.insert(i, lines[j])
        else:
            lines[i] = lines[i][:-1] + rng.choice(["9", '"', "", " {", "}", "\x00", "é", "-1"])
    return "\n".join(lines)


def test_flipped_bits(message):
    many(600, message.SerializeToString(), flip_bits, 1)


def test_cut_and_spliced_bytes(message):
    many(400, message.SerializeToString(), splice, 2)


def test_changed_texts(message):
    many(400, text_format.MessageToString(message), change_text, 3, as_text=True)


def test_a_changed_graph_of_tensorflow():
    with open(os.path.join(DATA, "tensorflow.pbtxt")) as file:
        many(250, file.read(), change_text, 4, as_text=True)


def change_fields(rng, message):
    """One to three fields of a well-formed message get values that nobody would write."""
    message = type(message).FromString(message.SerializeToString())
    for _ in range(rng.randint(1, 3)):
        node, other = rng.choice(message.node), rng.choice(message.node)
        kind = rng.randrange(6)
        if kind == 0 and node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice([other.name, f"{other.name}:{rng.randrange(3)}", "^" + other.name, "", "a:b", node.name])
        elif kind == 1:
            node.op = other.op
        elif kind == 2 and node.attr:
            key = rng.choice(sorted(node.attr))
            node.attr[key].CopyFrom(rng.choice([a for n in message.node for a in n.attr.values()]))
        elif kind == 3:
            for attr in node.attr.values():
                for shape in (attr.shape, attr.tensor.tensor_shape):
                    for dim in shape.dim:
                        dim.size = rng.choice(SIZES)
        elif kind == 4:
            for attr in node.attr.values():
                if attr.WhichOneof("value") == "i":
                    attr.i = rng.choice(SIZES)
                elif attr.WhichOneof("value") == "tensor" and attr.tensor.tensor_content and attr.tensor.dtype in (1, 3):
                    attr.tensor.tensor_content = np.array([rng.choice(SIZES) & 0x7FFFFFFF for _ in range(len(attr.tensor.tensor_content) // 4)], np.int32).tobytes()
        else:
            node.name, node.device = rng.choice([(other.name, ""), ("../../x", "/cpu:99999999999"), ("a" * 5000, "/job:" + "b" * 5000), (node.name, "\n")])
    return message.SerializeToString()


def test_changed_fields(message):
    many(800, message, change_fields, 5)


def test_nesting_and_size_are_bounded():
    with pytest.raises(tf.errors.DataLossError, match="That is not a GraphDef in text form"):
        parse_proto("GraphDef", "node { " * 100000, as_text=True)
    with pytest.raises(tf.errors.DataLossError, match="That is not a GraphDef in binary form"):
        parse_proto("GraphDef", b"\x0a" * 100000)
    with pytest.raises(tf.errors.DataLossError, match="text form"):
        parse_proto("GraphDef", b"\xff\xfe", as_text=True)
