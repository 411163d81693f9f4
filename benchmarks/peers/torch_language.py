"""PyTorch's side of language.py: its own LSTM of all steps at once, in C++, and tables updated row by row."""
import numpy as np
import torch
import torch.nn.functional as F

from .. import language


def regrouped(array):
    """Gates i, j, f, o in torch's order i, f, j, o."""
    i, j, f, o = np.split(array, 4, -1)
    return np.concatenate([i, f, j, o], -1)


def lstm(d, units, layers, forget_bias):
    """An nn.LSTM with these weights.  The forget bias is its second bias, which is not trained."""
    net = torch.nn.LSTM(units, units, layers, batch_first=True)
    with torch.no_grad():
        for layer, (kernel, biases) in enumerate(zip(map(regrouped, d["kernels"]), map(regrouped, d["biases"]))):
            second = np.zeros(4 * units, np.float32)
            second[units:2 * units] = forget_bias
            for name, array in (("weight_ih", kernel[:units].T), ("weight_hh", kernel[units:].T), ("bias_ih", biases), ("bias_hh", second)):
                getattr(net, f"{name}_l{layer}").copy_(torch.from_numpy(np.ascontiguousarray(array)))
            getattr(net, f"bias_hh_l{layer}").requires_grad_(False)
    return net


def model(name):
    def setup():
        d = language.model_data(name)
        vocabulary, units, layers, steps, batch, rate, forget_bias, _ = language.MODELS[name]
        net = lstm(d, units, layers, forget_bias)
        embedding = torch.from_numpy(d["embedding"].copy())
        W, b = (torch.from_numpy(array.copy()).requires_grad_() for array in (d["W"].T, d["b"]))
        parameters = [p for p in net.parameters() if p.requires_grad] + [W, b]
        optimizer = torch.optim.SGD(parameters, rate, fused=True)
        batches = [tuple(torch.from_numpy(ids.astype(np.int64)) for ids in pair) for pair in d["batches"]]
        state, runs = [torch.zeros(layers, batch, units)] * 2, [0]

        def step():
            x, y = batches[runs[0] % language.BATCHES]
            runs[0] += 1
            e = embedding[x].requires_grad_()              # only the rows in use have a gradient, as in the other frameworks
            outputs, (h, c) = net(e, tuple(state))
            state[:] = h.detach(), c.detach()
            loss = F.cross_entropy(F.linear(outputs.reshape(-1, units), W, b), y.reshape(-1), reduction="sum") / batch
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            gradients = [p.grad for p in parameters] + [e.grad]
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            torch._foreach_mul_(gradients, torch.clamp(language.CLIP / norm, max=1.0))
            optimizer.step()
            embedding.index_add_(0, x.reshape(-1), e.grad.reshape(-1, units), alpha=-rate)
            return loss.item()
        return step
    return setup


def words(name):
    def setup():
        d = language.word_data(name)
        tables = [torch.from_numpy(d[key]) for key in ("embedding", "W", "W", "b", "b")]
        batches = [tuple(torch.from_numpy(ids.astype(np.int64)) for ids in batch) for batch in d["batches"]]
        runs = [0]

        def step():
            centres, contexts, negatives = batches[runs[0] % language.WORD_BATCHES]
            runs[0] += 1
            places = (centres, contexts, negatives, contexts, negatives)
            rows = [table[ids].requires_grad_() for table, ids in zip(tables, places)]
            e, near, far, near_bias, far_bias = rows
            loss = (F.softplus(-((e * near).sum(1) + near_bias)).sum() + F.softplus(e @ far.T + far_bias).sum()) / language.PAIRS
            for table, ids, slope in zip(tables, places, torch.autograd.grad(loss, rows)):
                table.index_add_(0, ids, slope, alpha=-language.WORD_RATE)
            return loss.item()
        return step
    return setup


WORKLOADS = {**{name: model(name) for name in language.MODELS}, **{name: words(name) for name in language.TABLES}}
