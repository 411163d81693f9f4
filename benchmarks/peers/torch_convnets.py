"""PyTorch's side of convnets.py, channels last: its faster layout on these."""
import numpy as np
import torch
import torch.nn.functional as F

from .. import convnets

LAST = torch.channels_last


def image(array):
    """NHWC to a tensor that torch sees as NCHW, where it lies."""
    return torch.from_numpy(np.array(array)).permute(0, 3, 1, 2)


def filters(array):
    return torch.from_numpy(np.array(array)).permute(3, 2, 0, 1).contiguous(memory_format=LAST)


def flat(*tensors):
    """In the order of NHWC and HWIO."""
    return np.concatenate([t.detach().permute(order).numpy().ravel() for t, order in tensors])


IMAGE, FILTERS = (0, 2, 3, 1), (2, 3, 1, 0)


def convolution(name, backward):
    def setup():
        d = convnets.convolution_data(name)
        x, w, g = image(d["x"]), filters(d["w"]), image(d["g"])
        pad, runs = w.shape[2] // 2, [0]

        def step():
            runs[0] += 1
            if backward:
                results = torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], [pad, pad], [1, 1], False, [0, 0], 1, [True, True, False])[:2]
            else:
                results = [F.conv2d(x, w, padding=pad)]
            return flat(*zip(results, (IMAGE, FILTERS))) if runs[0] == 1 else None
        return step
    return setup


def max_pool():
    d = convnets.pool_data()
    x, g, runs = image(d["x"]).requires_grad_(), image(d["g"]), [0]

    def step():
        runs[0] += 1
        y = F.max_pool2d(x, 2)
        dx, = torch.autograd.grad(y, x, g)
        return flat((y, IMAGE), (dx, IMAGE)) if runs[0] == 1 else None
    return step


def net(name):
    def setup():
        images, labels, arrays = convnets.net_data(name)
        layers = convnets.NETS[name][1]
        parameters = []
        for w, bias in arrays:
            w = filters(w) if w.ndim == 4 else torch.from_numpy(w.T.copy())
            parameters += [w.requires_grad_(), torch.from_numpy(bias).requires_grad_()]
        optimizer = torch.optim.SGD(parameters, convnets.LEARNING_RATE, fused=True)

        def step():
            hidden, y, rest = image(images), torch.from_numpy(labels), iter(zip(parameters[::2], parameters[1::2]))
            for layer in layers:
                if layer == "pool":
                    hidden = F.max_pool2d(hidden, 2)
                    continue
                w, bias = next(rest)
                if len(layer) == 4:
                    hidden = F.conv2d(hidden, w, bias, padding=layer[0] // 2)
                else:
                    if hidden.dim() == 4:
                        hidden = hidden.permute(IMAGE).flatten(1)
                    hidden = F.linear(hidden, w, bias)
                if layer[-1] != 10:
                    hidden = F.relu(hidden)
            loss = F.cross_entropy(hidden, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            return loss.item()
        return step
    return setup


WORKLOADS = {f"{name}_{way}": convolution(name, way == "bwd") for name in convnets.CONVOLUTIONS for way in ("fwd", "bwd")}
WORKLOADS.update((name, net(name)) for name in convnets.NETS)
WORKLOADS["max_pool"] = max_pool
