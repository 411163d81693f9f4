"""The course: its chapters in order, and the tasks of each."""
import functools
import importlib
import pkgutil
from collections import namedtuple

Chapter = namedtuple("Chapter", "folder title builds hours")

CHAPTERS = [
    Chapter("01_ops", "Ops", "op definitions, shape functions, kernels in Python, NumPy, Cython and BLAS", 3),
    Chapter("02_graph", "The graph and the session", "graph, feeds and fetches, pruning, plans, variables", 4),
    Chapter("03_autodiff", "Gradients", "reverse mode as ops in the graph, broadcasting, sparse gradients, checks", 4),
    Chapter("04_training", "Training", "optimizers as ops, initializers, checkpoints, summaries", 5),
    Chapter("05_convnets", "Convolutional networks", "convolution and pooling kernels, their gradients, an Inception module", 5),
    Chapter("06_lstm", "Recurrent networks and the LSTM", "cells, unrolling, clipping, deep LSTM", 5),
    Chapter("07_gpu_kernels", "GPU kernels", "CUDA C on an emulated GPU: coalescing, shared memory, reductions, a tiled product", 5),
    Chapter("08_placement", "Placement", "device names, a cut graph with Send and Recv, constraints, a cost model, the greedy placer", 5),
]


@functools.cache
def tasks_of(folder):
    """The Tasks of a chapter ("03_autodiff"), in the order of the chapter; ValueError if there is no such chapter."""
    number, _, name = folder.partition("_")
    try:
        package = importlib.import_module(f"{__package__}.tasks.c{number}_{name}")
    except ModuleNotFoundError:
        raise ValueError(f"There is no chapter {folder!r}; there are {', '.join(c.folder for c in CHAPTERS)}") from None
    found = []
    for name in package.ORDER:
        task = importlib.import_module(f"{package.__name__}.{name}").task
        task.chapter, task.name = folder, name
        found.append(task)
    missing = {m.name for m in pkgutil.iter_modules(package.__path__)} - set(package.ORDER)
    assert not missing, f"{package.__name__}: {missing} are not in ORDER"
    return found


def chapters(which=None):
    """The Chapters, or the one that `which` means: "3", "03", "03_autodiff".  ValueError if it means none."""
    if not which:
        return CHAPTERS
    number = str(which).partition("_")[0]
    found = [c for c in CHAPTERS if c.folder == which or number.isdecimal() and int(c.folder[:2]) == int(number)]
    if not found:
        raise ValueError(f"There is no chapter {which!r}; there are {', '.join(c.folder for c in CHAPTERS)}")
    return found


def all_tasks(which=None):
    """Every Task, chapter by chapter; of one chapter if `which` names it."""
    return [task for chapter in chapters(which) for task in tasks_of(chapter.folder)]


def find_task(text):
    """The Task that "03/gather", "03_autodiff/gather.py" or "gather" means; ValueError, with the nearest names, if none or several."""
    import difflib
    chapter, slash, name = text.removeprefix("exercises/").rpartition("/")
    name = name.removesuffix(".pyx").removesuffix(".py").removesuffix(".cu")
    among = all_tasks(chapter if slash else None)
    found = [t for t in among if t.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{text!r} may mean {' or '.join(t.file for t in found)}")
    near = difflib.get_close_matches(name, [t.name for t in among], 3) or [t.name for t in among]
    raise ValueError(f"There is no task {text!r}; did you mean {', '.join(near)}?")
