"""The second front end: runs a graph that something else has built and exported (minitf.graph.wire), and builds nothing itself.

    python -m minitf.run graph.json --feed b='[[1, 2], [3, 4]]' --feed x=@x.npy --target init --fetch f:0

A feed's value is JSON (numbers, true, false, nested lists) or, behind @, a file that numpy.save wrote.  Each --target is an operation
that runs first, in a step of its own, in the order given: initialisers, mostly.  Then all fetches are computed in one step, and printed.
Without --target and --fetch, the graph is described: what it can be fed with, its variables, its outputs.

Exit status: 0; 1 if a step failed; 2 if the graph, a name or a value is not usable.
"""
import argparse
import json
import os
import statistics
import sys
import time

import numpy as np

import minitf as tf
from minitf.core.registry import REQUIRED, op_def, op_types
from minitf.core.shapes import shape_text
from minitf.graph.operation import Operation, Tensor


class Unusable(Exception):
    """What the caller gave can not be used; exit status 2."""


def main(arguments=None):
    options = _parser().parse_args(arguments)
    try:
        if options.ops:
            print("\n".join(signature(name) for name in op_types()))
            return 0
        if options.graph is None:
            raise Unusable("Which graph? Give the file of an exported graph; --help tells more")
        graph = _read_graph(options.graph)
        if not options.target and not options.fetch:
            print(describe(graph))
            return 0
        _run(graph, options)
        return 0
    except Unusable as error:
        print(f"minitf.run: {error}", file=sys.stderr)
        return 2
    except tf.errors.OpError as error:
        print(f"minitf.run: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="python -m minitf.run", description=__doc__.split("\n\n")[0], epilog="\n\n".join(__doc__.split("\n\n")[1:]),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", nargs="?", help="a graph in its wire form, as Graph.to_json() gives it; - reads standard input")
    parser.add_argument("--feed", action="append", default=[], metavar="NAME=VALUE", help="a tensor's value: JSON, or @file.npy")
    parser.add_argument("--target", action="append", default=[], metavar="OP", help="an operation to run first")
    parser.add_argument("--fetch", action="append", default=[], metavar="NAME", help="a tensor (f:0) to print, or an operation to run with it")
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="run the fetches N times, print the last values and the time a step took")
    parser.add_argument("--devices", type=_count, default=1, metavar="N", help="CPU devices (default 1)")
    parser.add_argument("--save-npy", metavar="DIR", help="write each fetched tensor to a file of its own instead of printing it")
    parser.add_argument("--ops", action="store_true", help="list the op types that a graph may have, with inputs, outputs and attributes")
    return parser


def _count(text):
    if not text.isdecimal() or not 1 <= int(text[:10]) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _run(graph, options):
    feeds = {}
    for text in options.feed:
        name, equals, value = text.partition("=")
        if not equals:
            raise Unusable(f"--feed {text}: it should be NAME=VALUE")
        tensor = _tensor(graph, name, "--feed")
        if tensor in feeds:
            raise Unusable(f"--feed {name}: {tensor.name} is fed twice")
        feeds[tensor] = _value(name, value)
    targets = [_element(graph, name, "--target") for name in options.target]
    for target, name in zip(targets, options.target):
        if not isinstance(target, Operation):
            raise Unusable(f"--target {name}: that is a tensor; the operation is '{target.op.name}'")
    fetches = [_only_output(_element(graph, name, "--fetch")) for name in options.fetch]
    files = _files(fetches, options.save_npy)
    with tf.Session(graph=graph, config=tf.ConfigProto(device_count={"CPU": options.devices})) as sess:
        try:
            for target in targets:
                sess.run(target, feeds)
            values, times = None, []
            for _ in range(options.repeat if fetches else 0):
                start = time.perf_counter()
                values = sess.run(fetches, feeds)
                times.append(time.perf_counter() - start)
        except (TypeError, ValueError) as error:          # a feed of the wrong dtype or shape
            raise Unusable(error) from None
    for fetch, value in zip(fetches, values or ()):
        if fetch in files:
            np.save(files[fetch], value, allow_pickle=False)
            print(f"{fetch.name}: {_type(fetch, value)} -> {files[fetch]}")
        elif isinstance(fetch, Tensor):
            print(f"{fetch.name}: {_type(fetch, value)}\n{value}")
    if options.repeat > 1 and times:
        print(f"{len(times)} steps, median {statistics.median(times) * 1e6:,.1f} us, first {times[0] * 1e6:,.1f} us", file=sys.stderr)


def _read_graph(path):
    try:
        if path == "-":
            text = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                text = file.read()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror or error}") from None
    try:
        return tf.Graph.from_json(text)
    except ValueError as error:
        raise Unusable(f"{path}: {error}") from None


def _element(graph, name, option):
    try:
        return graph.as_graph_element(name)
    except (KeyError, ValueError) as error:
        raise Unusable(f"{option} {name}: {error.args[0]}") from None


def _tensor(graph, name, option):
    """The tensor of that name; of an operation's name, its only output."""
    found = _element(graph, name, option)
    if isinstance(found, Tensor):
        return found
    if len(found.outputs) != 1:
        raise Unusable(f"{option} {name}: the operation '{found.name}' ({found.type}) has {len(found.outputs)} outputs; "
                       f"name the tensor, as '{found.name}:0'")
    return found.outputs[0]


def _value(name, text):
    if text[:1] == "@":
        try:
            value = np.load(text[1:], allow_pickle=False)
        except (OSError, ValueError, EOFError, MemoryError) as error:
            raise Unusable(f"--feed {name}: {text[1:]}: {error}") from None
        if not isinstance(value, np.ndarray):
            raise Unusable(f"--feed {name}: {text[1:]} holds several arrays; it should be one, as numpy.save writes it")
        return value
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"--feed {name}: {text!r} is not JSON ({error}); numbers and nested lists are, @file.npy reads a file") from None
    leaves = [value]
    while leaves:
        leaf = leaves.pop()
        if isinstance(leaf, list):
            leaves.extend(leaf)
        elif not isinstance(leaf, (int, float)):
            raise Unusable(f"--feed {name}: {leaf!r} is not a number; numbers, true, false and nested lists of them can be fed")
    return value


def _only_output(fetch):
    """The tensor, where an operation with a single output was named without ':0'."""
    return fetch.outputs[0] if isinstance(fetch, Operation) and len(fetch.outputs) == 1 else fetch


def _files(fetches, folder):
    """{fetched tensor: its file}; a name's '/' becomes '.'."""
    files = {}
    if folder is None:
        return files
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Unusable(f"--save-npy {folder}: {error.strerror or error}") from None
    for fetch in fetches:
        if isinstance(fetch, Tensor):
            file = os.path.join(folder, f"{fetch.op.name.replace('/', '.')}_{fetch.value_index}.npy")
            if file in files.values() and fetch not in files:
                raise Unusable(f"--save-npy: two fetches would be written to {file}")
            files[fetch] = file
    return files


def _type(tensor, value):
    return tensor.dtype.base_dtype.name + shape_text(np.shape(value))


def describe(graph):
    """What a driver needs to know of a graph: its placeholders, variables, and what nothing in it consumes."""
    def lines(title, elements):
        return [title] + ["  " + element for element in elements] if elements else []

    operations = graph.get_operations()
    of_tensor = lambda t: f"{t.name}  {t.dtype.base_dtype.name}{shape_text(t.shape)}"
    feeds = [of_tensor(op.outputs[0]) for op in operations if op.type.startswith("Placeholder")]
    variables = [of_tensor(op.outputs[0]) for op in operations if op.type == "VariableV2"]
    ends = [op for op in operations if not op._control_outputs and not any(t._consumers for t in op.outputs) and op.type not in ("Const", "VariableV2")]
    outputs = [of_tensor(t) for op in ends for t in op.outputs]
    targets = [f"{op.name}  {op.type}" for op in ends if not op.outputs]
    return "\n".join([f"{len(operations)} operations"] + lines("placeholders (--feed)", feeds) + lines("variables", variables)
                     + lines("tensors that nothing consumes (--fetch)", outputs) + lines("operations without outputs (--target)", targets))


def signature(name):
    """'MatMul(a: T, b: T) -> (product: T)  T: type in {float32, float64}; transpose_a: bool = False' of an op type."""
    def argument(arg):
        text = arg.type_attr or arg.dtype.name
        text = f"Ref({text})" if arg.is_ref else text
        return f"{arg.name}: {arg.number_attr} * {text}" if arg.number_attr else f"{arg.name}: {text}"

    def attribute(attr):
        text = f"{attr.name}: {attr.type}"
        if attr.allowed is not None:
            text += " in {" + ", ".join(getattr(v, "name", None) or json.dumps(v) for v in attr.allowed) + "}"
        if attr.minimum is not None:
            text += f" >= {attr.minimum}"
        if attr.default is REQUIRED:
            return text
        return f"{text} = {getattr(attr.default, 'name', attr.default)}"

    definition = op_def(name)
    attrs = "; ".join(attribute(a) for a in definition.attrs.values())
    return f"{name}({', '.join(map(argument, definition.inputs))}) -> ({', '.join(map(argument, definition.outputs))})" + (f"  {attrs}" if attrs else "")


if __name__ == "__main__":
    sys.exit(main())
