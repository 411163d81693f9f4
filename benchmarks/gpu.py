"""minitf beside PyTorch on a GPU: `python -m benchmarks.gpu`.

Two tables.  Kernels: many of the same kind in one run, on arrays of 128 MiB, so that nothing but the GPU counts; what they move per second
as a share of what a copy within the device moves, or, of products, how many operations a second.  Our own product and cuBLAS are two rows.
Models: wall time of one step as a program takes it, with what it feeds and fetches; in brackets minitf's divided by PyTorch's (eager, with
float32 everywhere: no TF32).  Each framework has a process of its own, by turns; the median of the rounds counts.

--write appends the tables to benchmarks/RESULTS.md, with the GPU named.  --tiny takes tiny sizes: it shows that the programs run, on an emulated
GPU too.  Times of an emulated GPU say nothing: its kernels run on the processor.
"""
import argparse
import datetime
import json
import os
import statistics
import sys
from pathlib import Path

import numpy as np

from . import convnets, language, timing, workloads
from .run import answer_of, duration, find_python

COPIES = 16                   # of a kernel in a run
MODELS = ["mlp_b16", "mlp_b128", "lenet_b64", "ptb_small", "alexnet_fwd", "alexnet_fwdbwd"]
CONVOLUTIONS = ["conv3x3_fwd", "conv3x3_bwd", "conv5x5_fwd", "conv5x5_bwd"]
TOLERANCE = 2e-3              # relative, of the losses of the first steps


def sizes(tiny):
    """(rows, columns) of the arrays of kernels, and the sides of products."""
    return ((8, 64), [32]) if tiny else ((8192, 4096), [1024, 4096])


def make_tiny():
    """The models on next to nothing: an emulated GPU then has each in seconds."""
    convolution, dense = convnets._conv, lambda *shape: ("dense", shape)
    convnets.CONVOLUTIONS.update(conv3x3=((2, 6, 6, 4), (3, 3, 4, 4)), conv5x5=((2, 6, 6, 4), (5, 5, 4, 4)))
    convnets.NETS.update(lenet_b64=((2, 8, 8, 1), [convolution(5, 1, 4), convnets._pool(2), dense(64, 10)]),
                         alexnet=((2, 11, 11, 3), [convolution(3, 3, 4, 2, "VALID"), convnets._pool(3, 2, "VALID"), dense(16, 8), dense(8, 5)]))
    language.MODELS["ptb_small"] = (30, 8, 2, 3, 2, 1.0, 0.0, 0.1)


# name -> (bytes moved for each element of a [rows, columns] array, minitf's function, PyTorch's); b is another such array
KERNELS = {
    "add": (12, lambda tf, x, b: x + b, lambda torch, x, b: x + b),
    "tanh": (8, lambda tf, x, b: tf.tanh(x), lambda torch, x, b: torch.tanh(x)),
    "softmax": (8, lambda tf, x, b: tf.nn.softmax(x), lambda torch, x, b: torch.softmax(x, 1)),
    "transpose": (8, lambda tf, x, b: tf.transpose(x), lambda torch, x, b: x.t().contiguous()),
    "sum": (4, lambda tf, x, b: tf.reduce_sum(x), lambda torch, x, b: x.sum()),
    "sum_rows": (4, lambda tf, x, b: tf.reduce_sum(x, 1), lambda torch, x, b: x.sum(1)),
    "sum_columns": (4, lambda tf, x, b: tf.reduce_sum(x, 0), lambda torch, x, b: x.sum(0)),
}


class Minitf:
    """What is measured, on minitf; a kernel's step ends when the GPU has done all of it."""

    def __init__(self, tiny):
        import minitf as tf
        from minitf.kernels.gpu.devices import gpus
        self.tf, self.tiny, self.device = tf, tiny, gpus()[0]
        self.real = not self.device.is_emulated
        self.version = tf.__version__
        self.gpu = self.device.gpu.name if self.real else "emulated on the CPU"

    def session(self):
        return self.tf.Session(config=self.tf.ConfigProto(allow_soft_placement=True))

    def copy(self):
        """A step of COPIES copies within the device, by the driver; None on an emulated one."""
        if not self.real:
            return None
        gpu, (rows, columns) = self.device.gpu, sizes(self.tiny)[0]
        a, b = gpu.allocate(4 * rows * columns), gpu.allocate(4 * rows * columns)

        def step():
            for _ in range(COPIES):
                gpu.copy_within(b, a, 4 * rows * columns)
            gpu.synchronize()
        return step

    def kernel(self, name):
        tf, (rows, columns) = self.tf, sizes(self.tiny)[0]
        return self.many(lambda x, b: KERNELS[name][1](tf, x, b), (rows, columns))

    def product(self, n):
        return self.many(self.tf.matmul, (n, n))

    def many(self, function, shape):
        """A step of COPIES calls, each of a variable of its own with one that all share."""
        tf = self.tf
        with tf.Graph().as_default(), tf.device("/gpu:0"):
            shared, *own = [tf.Variable(tf.random_uniform(shape, seed=k + 1)) for k in range(COPIES + 1)]
            results = [function(x, shared).op for x in own]
            session = self.session()
            session.run(tf.global_variables_initializer())
        return lambda: session.run(results)

    def workload(self, name):
        tf = self.tf
        build, *arguments = {"mlp_b16": (workloads.mlp, 16), "mlp_b128": (workloads.mlp, 128), **convnets.builders(), **language.builders()}[name]
        with tf.Graph().as_default(), tf.device("/gpu:0"):
            return build(workloads.Builder(tf, self.session), *arguments)


class Torch:
    def __init__(self, tiny):
        import torch
        self.torch, self.tiny = torch, tiny
        self.real = torch.cuda.is_available()
        self.place = torch.device("cuda" if self.real else "cpu")
        self.version, self.gpu = torch.__version__, torch.cuda.get_device_name() if self.real else "the CPU"
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        # The workloads are written for the CPU: what they make of arrays, and from nothing, goes to the GPU instead.
        torch.set_default_device(self.place)
        from_numpy, numpy = torch.from_numpy, torch.Tensor.numpy
        torch.from_numpy = lambda array: from_numpy(array).to(self.place)
        torch.Tensor.numpy = lambda tensor: numpy(tensor.cpu())
        from .peers import torch as peer
        self.peer = peer

    def finish(self):
        if self.real:
            self.torch.cuda.synchronize()

    def copy(self):
        return None

    def kernel(self, name):
        rows, columns = sizes(self.tiny)[0]
        return self.many(lambda x, b: KERNELS[name][2](self.torch, x, b), (rows, columns))

    def product(self, n):
        return self.many(self.torch.mm, (n, n))

    def many(self, function, shape):
        shared, *own = [self.torch.rand(*shape) for _ in range(COPIES + 1)]

        def step():
            with self.torch.inference_mode():
                for x in own:
                    function(x, shared)
            self.finish()
        return step

    def workload(self, name):
        step = self.peer.WORKLOADS[name]()

        def whole():
            value = step()
            self.finish()
            return self.peer.to_numpy(value)
        return whole


def tasks(tiny):
    """{name: function of a framework that sets it up}."""
    found = {"copy": lambda f: f.copy()}
    found.update((name, lambda f, name=name: f.kernel(name)) for name in KERNELS)
    found.update((f"matmul_{n}", lambda f, n=n: f.product(n)) for n in sizes(tiny)[1])
    found.update((name, lambda f, name=name: f.workload(name)) for name in CONVOLUTIONS + MODELS)
    return found


def work(options):
    """One framework in this process; prints JSON."""
    if options.tiny:
        make_tiny()
    framework = {"minitf": Minitf, "torch": Torch}[options.peer](options.tiny)
    results = {}
    for name, setup in tasks(options.tiny).items():
        if options.only and name not in options.only.split(","):
            continue
        try:
            step = setup(framework)
            if step is None:
                continue
            first = [step() for _ in range(2)]
            if options.tiny and not framework.real:
                results[name] = dict(wall=timing.measure(step, 0)["wall"])
            else:
                results[name] = dict(wall=timing.measure(step, options.budget)["wall"])
            if name in CONVOLUTIONS + MODELS:
                results[name]["check"] = float(np.mean(np.abs(np.asarray(first[0], np.float64))))
        except Exception as e:                                # the others are worth having
            results[name] = dict(error=f"{type(e).__name__}: {e}")
    print(json.dumps(dict(version=framework.version, gpu=framework.gpu, real=framework.real, results=results)))


def ask(peer, python, options, **env):
    """What one process says; None, with the reason printed, if it failed."""
    command = [python, "-m", "benchmarks.gpu", "--peer", peer, "--budget", str(options.budget), "--only", options.only] + ["--tiny"] * options.tiny
    return answer_of(peer, command, {**os.environ, **env}, options.timeout)


def gather(options):
    """{column: [answers of the rounds]}; columns are minitf with our own products, minitf with cuBLAS, PyTorch."""
    columns = {"minitf": ("minitf", sys.executable, dict(MINITF_GPU_MATMUL="own")), "minitf, cuBLAS": ("minitf", sys.executable, {})}
    python = find_python("torch", {})
    if python:
        columns["PyTorch"] = ("torch", python, {})
    found = {column: [] for column in columns}
    for _ in range(options.rounds):
        for column, (peer, python, env) in columns.items():
            if column == "minitf, cuBLAS" and found["minitf"] and not found["minitf"][0]["real"]:
                continue                                      # no library of NVIDIA's helps an emulated GPU
            answer = ask(peer, python, options, **env)
            if answer:
                found[column].append(answer)
    return {column: answers for column, answers in found.items() if answers}


def median(answers, name):
    values = [a["results"][name]["wall"] for a in answers if "wall" in a["results"].get(name, {})]
    return statistics.median(values) if values else None


def rows(found, tiny):
    """Lines of Markdown."""
    columns = list(found)
    (height, width), sides = sizes(tiny)
    copied = median(found.get("minitf", []), "copy")
    rate = copied and COPIES * 8 * height * width / copied
    lines = [f"| kernel | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    if rate:
        lines.append(f"| copy | {rate / 1e9:,.0f} GB/s |" + " |" * (len(columns) - 1))
    for name in KERNELS:
        cells = []
        for column in columns:
            seconds = median(found[column], name)
            moved = KERNELS[name][0] * height * width * COPIES
            cells.append("" if seconds is None else f"{moved / seconds / rate:.2f} of a copy" if rate else duration(seconds))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for n in sides:
        cells = [median(found[column], f"matmul_{n}") for column in columns]
        cells = ["" if s is None else f"{2 * n**3 * COPIES / s / 1e12:.3g} TFLOP/s" if rate else duration(s) for s in cells]
        lines.append(f"| matmul {n} | {' | '.join(cells)} |")
    lines += ["", f"| step | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in CONVOLUTIONS + MODELS:
        peer = median(found.get("PyTorch", []), name)
        cells = []
        for column in columns:
            seconds = median(found[column], name)
            ratio = f" ({seconds / peer:.2f})" if seconds and peer and column != "PyTorch" else ""
            cells.append("" if seconds is None else duration(seconds) + ratio)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def disagreements(found):
    """Of the models: whose losses in the first step differ."""
    wrong = []
    for name in CONVOLUTIONS + MODELS:
        seen = {column: a["results"][name]["check"] for column, (a, *_) in found.items() if "check" in a["results"].get(name, {})}
        if seen and max(seen.values()) - min(seen.values()) > TOLERANCE * max(map(abs, seen.values())):
            wrong.append(f"{name}: {seen}")
    return wrong


def main(argv=None):
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description="minitf beside PyTorch on a GPU.")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: that it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of timing for each row")
    parser.add_argument("--only", default="", help="names of rows, with commas")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds that one process may take")
    parser.add_argument("--write", action="store_true", help="append the tables to benchmarks/RESULTS.md")
    parser.add_argument("--peer", choices=["minitf", "torch"], help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.peer:
        return work(options)
    found = gather(options)
    if not found:
        return 1
    first = next(iter(found.values()))[0]
    title = f"{first['gpu']}, {datetime.date.today():%Y-%m-%d}; " + ", ".join(f"{c} {a[0]['version']}".strip() for c, a in found.items())
    lines = [title, "", *rows(found, options.tiny)]
    if not first["real"]:
        lines[1:1] = ["", "The GPU is emulated on the CPU: these times say nothing about a GPU, nor about minitf."]
    print("\n".join(lines))
    wrong = disagreements(found)
    for line in wrong:
        print("DIFFERENT RESULTS", line, file=sys.stderr)
    if options.write and (options.tiny or not first["real"]):
        print("Not written: figures come from a real GPU and whole sizes", file=sys.stderr)
    elif options.write:
        path = Path(__file__).with_name("RESULTS.md")
        old = path.read_text() if path.exists() else "# Results\n"
        path.write_text(old.rstrip() + "\n\n## " + "\n".join(lines) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
