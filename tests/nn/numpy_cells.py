"""Recurrent cells in NumPy, float64, written unit by unit from the equations: the independent answer."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, c, h, kernel, bias, forget_bias=1.0, peepholes=(0, 0, 0), cell_clip=None, projection=None, proj_clip=None):
    """(c, h) after one step; peepholes are the weights of i, f and o."""
    n = c.shape[1]
    z = x @ kernel[:x.shape[1]] + h @ kernel[x.shape[1]:] + bias
    w_i, w_f, w_o = peepholes
    i, j = sigmoid(z[:, :n] + w_i * c), np.tanh(z[:, n:2 * n])
    f = sigmoid(z[:, 2 * n:3 * n] + forget_bias + w_f * c)
    c = f * c + i * j
    if cell_clip is not None:
        c = np.minimum(np.maximum(c, -cell_clip), cell_clip)
    h = sigmoid(z[:, 3 * n:] + w_o * c) * np.tanh(c)
    if projection is not None:
        h = h @ projection
        if proj_clip is not None:
            h = np.clip(h, -proj_clip, proj_clip)
    return c, h


def gru(x, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias):
    n = h.shape[1]
    gates = sigmoid(np.concatenate([x, h], 1) @ gate_kernel + gate_bias)
    candidate = np.tanh(np.concatenate([x, gates[:, :n] * h], 1) @ candidate_kernel + candidate_bias)
    return gates[:, n:] * h + (1 - gates[:, n:]) * candidate


def rnn(x, h, kernel, bias):
    return np.tanh(np.concatenate([x, h], 1) @ kernel + bias)
