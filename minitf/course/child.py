"""Child: the process in which one submission runs.

It loads the reader's file, then runs the drivers that the grader sends and answers with what they return.  Everything in it may be
in the hands of the submission; the grader believes nothing but that some data came back.
"""
import linecache
import os
import sys
import traceback

from ..core import registry, swap
from .channel import Channel
from .sandbox import limits, no_network, only_files, watch

TEXT = 300                    # characters of an error's text


def main(fd, request):
    """Serve one submission until the channel closes.  request: see minitf.course.process."""
    import numpy as np
    import minitf as tf
    channel = Channel(fd, fd)
    os.chdir(request["folder"])
    np.random.seed(0)
    limits(request["seconds"])
    hidden = request["hidden"]
    no_network()
    only_files(hidden, request["folder"])
    watch(request["folder"], hidden)
    try:
        mine = load(request)
    except BaseException as error:
        channel.send({"error": described(error, request["label"])})
        return
    channel.send({"loaded": True})
    while True:
        message = channel.receive()
        try:
            space = {"np": np, "tf": tf, "__name__": "driver"}
            exec(compile(message["driver"], "<driver>", "exec"), space)
            result = space[message["name"]](mine, *message["args"])
            answer = {"result": result}
            channel.send(answer)
        except BaseException as error:
            channel.send({"error": described(error, request["label"])})


def load(request):
    """The reader's module; what it replaces in the package is replaced from now on."""
    if request["shared_object"]:
        from importlib.machinery import ExtensionFileLoader
        from importlib.util import module_from_spec, spec_from_loader
        loader = ExtensionFileLoader(request["module"], request["shared_object"])
        module = module_from_spec(spec_from_loader(request["module"], loader))
        loader.exec_module(module)
    else:
        module = type(sys)(request["module"])
        module.__file__ = request["label"]
        sys.modules[request["module"]] = module
        text = request["text"]
        linecache.cache[request["label"]] = len(text), None, text.splitlines(True), request["label"]
        exec(compile(text, request["label"], "exec"), module.__dict__)
    function = getattr(module, request["function"], None)
    if function is None:
        raise AttributeError(f"{request['label']} defines no {request['function']}")
    if request["replaces"]:
        install(request["replaces"], function)
    return module


def install(replaces, function):
    """Put the reader's function in the place of a function of the package, or of a kernel; what was there is dropped."""
    if not replaces.startswith("kernel "):
        swap.replace(replaces, function)
        return
    from ..kernels.cpu.kernel import register_python_kernel
    _, op_type, *limits_ = replaces.split()
    constraints = {name: values.split(",") for name, _, values in (limit.partition("=") for limit in limits_)}
    before = registry._kernels[op_type, "CPU"]
    register_python_kernel(op_type, **constraints)(function)
    registry._kernels[op_type, "CPU"] = [before[0]] + [k for k in before[1:] if not _same(k, before[0])]


def _same(one, other):
    return all(set(one.constraints.get(name, allowed)) <= set(allowed) for name, allowed in other.constraints.items())


def described(error, label):
    """What the grader will tell of an error: its class, its text, and the last line of the reader's file on its way."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == label]
    where = f"line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    if isinstance(error, SyntaxError) and error.filename == label:
        where = f"line {error.lineno}: {(error.text or '').strip()}"
    try:
        text = str(error)
    except Exception:
        text = ""
    kinds = [k.__name__ for k in type(error).__mro__]
    return {"kinds": kinds, "text": text[:TEXT] + "..." * (len(text) > TEXT), "where": where}
