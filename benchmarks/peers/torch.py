"""PyTorch, eager."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from .. import data
from . import torch_convnets, torch_language

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_num_interop_threads(1)
VERSION = torch.__version__


def to_numpy(value):
    return value.numpy() if isinstance(value, torch.Tensor) else value


def parameter(array):
    return torch.from_numpy(np.array(array)).requires_grad_()


def without_gradients(setup):
    def wrapped():
        step = setup()

        def inference_step():
            with torch.inference_mode():
                return step()
        return inference_step
    return wrapped


def chain(multiply):
    def setup():
        def step():
            x, c = torch.tensor(1.0), torch.tensor(0.5)
            y = x
            for i in range(data.CHAIN_LENGTH):
                y = y * c if multiply and i % 2 else y + c
            return y.item()
        return step
    return without_gradients(setup)


def fetch_variables():
    a, b = torch.ones(2, 2), torch.ones(2, 2)
    return lambda: (a + b).numpy()


def fetch_fed():
    a, array = torch.ones(2, 2), np.ones((2, 2), np.float32)
    return lambda: (torch.from_numpy(array) + a).numpy()


def power_method():
    d = data.power()
    A, x = torch.from_numpy(d["A"]), torch.from_numpy(d["x"])

    def step():
        for _ in range(data.POWER_RUNS):
            y = A @ x
            x.copy_(y / y.square().sum().sqrt())
        return (A @ x).square().sum().sqrt().item()
    return step


def mlp(batch):
    def setup():
        d = data.mlp(batch)
        W1, b1, W2, b2 = parameters = [parameter(d["W1"].T.copy()), parameter(d["b1"]), parameter(d["W2"].T.copy()), parameter(d["b2"])]
        optimizer = torch.optim.SGD(parameters, data.MLP_LEARNING_RATE, fused=True)

        def step():
            x, y = torch.from_numpy(d["x"]), torch.from_numpy(d["y"])
            loss = F.cross_entropy(F.linear(F.relu(F.linear(x, W1, b1)), W2, b2), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            return loss.item()
        return step
    return setup


def adam():
    d = data.adam()
    p = parameter(d["p"])
    p.grad = torch.from_numpy(d["g"])
    optimizer = torch.optim.Adam([p], data.ADAM["learning_rate"], (data.ADAM["beta1"], data.ADAM["beta2"]), data.ADAM["epsilon"], fused=True)
    runs = [0]

    def step():
        optimizer.step()
        runs[0] += 1
        return p.detach().abs().mean().item() if runs[0] <= 3 else None
    return step


def kernel(name, inputs):
    def setup():
        v = {key: torch.from_numpy(array) for key, array in inputs.items()}
        x, other = v["x"], v.get("b", v.get("y"))
        return {"tanh_1m": lambda: torch.tanh(x),
                "sigmoid_1m": lambda: torch.sigmoid(x),
                "exp_1m": lambda: torch.exp(x),
                "softmax_128x10k": lambda: torch.softmax(x, 1),
                "biasadd_1k": lambda: torch.add(x, other),
                "transpose_1k": lambda: x.t().contiguous(),
                "nhwc2nchw": lambda: x.permute(0, 3, 1, 2).contiguous(),
                "sum_ax0_1k": lambda: x.sum(0),
                "sum_ax1_1k": lambda: x.sum(1)}.get(name, lambda: torch.mm(x, other))
    return without_gradients(setup)


WORKLOADS = dict(add1000=chain(False), addmul1000=chain(True), fetch_var=without_gradients(fetch_variables),
                 fetch_feed=without_gradients(fetch_fed), power1000=without_gradients(power_method),
                 mlp_b16=mlp(16), mlp_b128=mlp(128), adam_10m=adam)
WORKLOADS.update((name, kernel(name, inputs)) for name, inputs in data.micro().items())
WORKLOADS.update(torch_convnets.WORKLOADS)
WORKLOADS.update(torch_language.WORKLOADS)
