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


def parameters_of(arrays):
    """torch's parameters, two for each layer."""
    found = []
    for w, bias in arrays:
        w = filters(w) if w.ndim == 4 else torch.from_numpy(w.T.copy())
        found += [w.requires_grad_(), torch.from_numpy(bias).requires_grad_()]
    return found


def logits_of(hidden, layers, parameters):
    rest = iter(zip(parameters[::2], parameters[1::2]))
    for layer in layers:
        if layer[0] == "pool":
            hidden = F.max_pool2d(hidden, layer[1], layer[2])
            continue
        w, bias = next(rest)
        if layer[0] == "conv":
            _, shape, stride, padding = layer
            hidden = F.conv2d(hidden, w, bias, stride=stride, padding=shape[0] // 2 if padding == "SAME" else 0)
        else:
            hidden = F.linear(hidden.permute(IMAGE).flatten(1) if hidden.dim() == 4 else hidden, w, bias)
        if layer is not layers[-1]:
            hidden = F.relu(hidden)
    return hidden


def net(name):
    def setup():
        images, labels, arrays = convnets.net_data(name)
        parameters = parameters_of(arrays)
        optimizer = torch.optim.SGD(parameters, convnets.LEARNING_RATE, fused=True)

        def step():
            loss = F.cross_entropy(logits_of(image(images), convnets.NETS[name][1], parameters), torch.from_numpy(labels))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            return loss.item()
        return step
    return setup


def alexnet(backward):
    def setup():
        images, labels, arrays = convnets.net_data("alexnet")
        x, y, parameters = image(images).contiguous(memory_format=LAST), torch.from_numpy(labels), parameters_of(arrays)
        layers = convnets.NETS["alexnet"][1]

        def forward():
            with torch.inference_mode():
                return logits_of(x, layers, parameters).abs().mean().item()

        def both():
            for p in parameters:
                p.grad = None
            loss = F.cross_entropy(logits_of(x, layers, parameters), y)
            loss.backward()
            return loss.item()
        return both if backward else forward
    return setup


WORKLOADS = {f"{name}_{way}": convolution(name, way == "bwd") for name in convnets.CONVOLUTIONS for way in ("fwd", "bwd")}
WORKLOADS.update((name, net(name)) for name in ("lenet_b64", "cifar_b32"))
WORKLOADS.update(max_pool=max_pool, alexnet_fwd=alexnet(False), alexnet_fwdbwd=alexnet(True))
