"""Child: the process in which one submission runs.

It loads the reader's file, then runs the drivers that the grader sends and answers with what they return.  Everything in it may be
in the hands of the submission; the grader believes nothing but that some data came back.
"""
import gc
import linecache
import os
import sys
import traceback
import types

from ...core import registry, swap
from ...kernels.cpu.kernel import register_python_kernel
from .channel import Channel
from .sandbox import limits, no_network, only_files, watch

TEXT = 300                    # characters of an error's text
REPORT = 600                  # of what the checker of kernels has to say


def main(fd, request):
    """Serve one submission until the channel closes.  request: see minitf.course.grader.process."""
    import numpy as np
    import minitf as tf
    channel = Channel(fd, fd)
    os.chdir(request["folder"])
    np.random.seed(0)
    limits(request["seconds"])
    hidden = request["hidden"]
    no_network()
    only_files(hidden, request["folder"])
    if not request["label"].endswith(".cu"):
        watch(request["folder"], hidden)       # of CUDA C no line is Python's, and what runs it (ctypes) could not
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
            _flush()
            channel.send({"result": result})
        except BaseException as error:
            _flush()
            channel.send({"error": described(error, request["label"])})


def _flush():
    """What was printed so far goes out, however the process ends; a submission may have closed or replaced these."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def load(request):
    """The reader's module; what it replaces in the package is gone before the file is looked at, and replaced behind it."""
    if request["label"].endswith(".cu"):
        from ..cuda_build import Kernels
        kernels = Kernels(request["shared_object"], request["text"], os.path.basename(request["label"]))
        getattr(kernels, request["function"])
        return kernels
    if request["replaces"]:
        drop(request["replaces"], request["lends"])
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


def drop(replaces, lends=()):
    """Let go of the function of the package, or of the kernels, that the submission stands for, and of the helpers that only it has."""
    if replaces.startswith("kernel "):
        op_type, constraints = _kernel(replaces)
        kept = [k for k in registry._kernels[op_type, "CPU"] if not _serves(k, constraints)]
        registry._kernels[op_type, "CPU"][:] = kept
    else:
        module = sys.modules[swap.current(replaces).__module__]
        for name in helpers(module, swap.current(replaces), lends):
            delattr(module, name)
        swap.replace(replaces, _not_yet)
        gc.collect()


def helpers(module, function, lends=()):
    """The names of the module's private functions that this function reaches, and nothing else: no other function, and none of `lends`."""
    functions = {name: f for name, f in vars(module).items() if isinstance(f, types.FunctionType) and f.__module__ == module.__name__}
    private = {name for name in functions if name.startswith("_")}
    of = {name: _names(f.__code__) & private for name, f in functions.items()}
    methods = [f for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__
               for f in vars(c).values() if isinstance(f, types.FunctionType)]
    mine = _reached(_names(function.__code__) & private, of)
    others = set(lends).union(*[of[name] for name in set(functions) - mine - {function.__name__}],
                              *[_names(f.__code__) & private for f in methods if f.__name__ != function.__name__])
    return mine - _reached(others, of)


def _reached(names, of):
    """These names, and all that they lead to."""
    found, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= of.get(name, set()) - found
    return found


def _names(code):
    """Every name that the code, and code within it, looks up."""
    found, waiting = set(), [code]
    while waiting:
        code = waiting.pop()
        found.update(code.co_names)
        waiting += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return found


def _not_yet(*args, **kwargs):
    raise RuntimeError("while your file is loaded, the function that it replaces can not be called")


def install(replaces, function):
    """Put the reader's function in the place of what was dropped."""
    if replaces.startswith("kernel "):
        op_type, constraints = _kernel(replaces)
        register_python_kernel(op_type, **constraints)(function)
    else:
        swap.replace(replaces, function)


def _kernel(replaces):
    """("Softmax", {"T": ["float64"]}) of "kernel Softmax T=float64"."""
    _, op_type, *limits = replaces.split()
    return op_type, {name: values.split(",") for name, _, values in (limit.partition("=") for limit in limits)}


def _serves(kernel, constraints):
    """Whether a registered kernel serves anything of what the submission is to serve."""
    return all({v.name for v in kernel.constraints[name]} & set(values) for name, values in constraints.items() if name in kernel.constraints)


def described(error, label):
    """What the grader will tell of an error: its class, its text, and the last line of the reader's file on its way."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == label]
    where = f"line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    if isinstance(error, SyntaxError) and error.filename == label:
        where = f"line {error.lineno}: {(error.text or '').strip()}"
    try:
        text = str(error)
    except Exception:                                    # a __str__ of the reader's own
        text = ""
    kinds = [k.__name__ for k in type(error).__mro__]
    most = REPORT if kinds[0] == "LaunchError" else TEXT
    return {"kinds": kinds, "text": text[:most] + "..." * (len(text) > most), "where": where}
