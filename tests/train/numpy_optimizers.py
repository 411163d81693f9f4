"""The optimizers in NumPy, one array each, in float64: what the package is compared with.

An instance holds the slots of one array.  step(x, g) gives the array after a dense gradient; rows(x, ids, g) after a sparse one.
"""
import numpy as np


class NumpyOptimizer:
    slots = {}                            # name -> first value

    def __init__(self, shape, **hyper):
        for name, value in hyper.items():
            setattr(self, name, value)
        for name, value in self.slots.items():
            setattr(self, name, np.full(shape, self.initial if value is None else value, float))

    def step(self, x, g):
        return self.update(x, g, ...)

    def rows(self, x, ids, g):
        """Duplicates are summed; rows that are not mentioned stay, in the slots too."""
        ids, place = np.unique(ids, return_inverse=True)
        total = np.zeros((len(ids), *g.shape[1:]))
        np.add.at(total, place, g)
        x = x.copy()
        x[ids] = self.update(x[ids], total, ids)
        return x


class GradientDescent(NumpyOptimizer):
    def update(self, x, g, i):
        return x - self.rate * g


class Momentum(NumpyOptimizer):
    slots = {"accum": 0}
    nesterov = False

    def update(self, x, g, i):
        self.accum[i] = self.momentum * self.accum[i] + g
        return x - self.rate * (g + self.momentum * self.accum[i] if self.nesterov else self.accum[i])


class Adagrad(NumpyOptimizer):
    slots = {"accum": None}
    initial = 0.1

    def update(self, x, g, i):
        self.accum[i] += g ** 2
        return x - self.rate * g / np.sqrt(self.accum[i])


class RMSProp(NumpyOptimizer):
    slots = {"ms": 1, "mg": 0, "mom": 0}
    decay, momentum, epsilon, centered = 0.9, 0.0, 1e-10, False

    def update(self, x, g, i):
        self.ms[i] = self.decay * self.ms[i] + (1 - self.decay) * g ** 2
        self.mg[i] = self.decay * self.mg[i] + (1 - self.decay) * g
        spread = self.ms[i] - self.mg[i] ** 2 if self.centered else self.ms[i]
        self.mom[i] = self.momentum * self.mom[i] + self.rate * g / np.sqrt(spread + self.epsilon)
        return x - self.mom[i]


class Adadelta(NumpyOptimizer):
    slots = {"accum": 0, "accum_update": 0}
    rho, epsilon = 0.95, 1e-8

    def update(self, x, g, i):
        self.accum[i] = self.rho * self.accum[i] + (1 - self.rho) * g ** 2
        update = np.sqrt(self.accum_update[i] + self.epsilon) / np.sqrt(self.accum[i] + self.epsilon) * g
        self.accum_update[i] = self.rho * self.accum_update[i] + (1 - self.rho) * update ** 2
        return x - self.rate * update


class Ftrl(NumpyOptimizer):
    slots = {"accum": None, "linear": 0}
    initial, power, l1, l2, shrinkage, beta = 0.1, -0.5, 0.0, 0.0, 0.0, 0.0

    def update(self, x, g, i):
        new, linear = self.accum[i] + g ** 2, self.linear[i]
        linear = linear + g + 2 * self.shrinkage * x - (new ** -self.power - self.accum[i] ** -self.power) / self.rate * x
        self.accum[i], self.linear[i] = new, linear
        scale = new ** -self.power / self.rate + 2 * (self.l2 + self.beta / (2 * self.rate))
        return np.where(np.abs(linear) > self.l1, (self.l1 * np.sign(linear) - linear) / scale, 0)


def proximal(x, rate, l1, l2):
    return np.sign(x) * np.maximum(np.abs(x) - rate * l1, 0) / (1 + rate * l2)


class ProximalGradientDescent(NumpyOptimizer):
    l1, l2 = 0.0, 0.0

    def update(self, x, g, i):
        return proximal(x - self.rate * g, self.rate, self.l1, self.l2)


class ProximalAdagrad(NumpyOptimizer):
    slots = {"accum": None}
    initial, l1, l2 = 0.1, 0.0, 0.0

    def update(self, x, g, i):
        self.accum[i] += g ** 2
        rate = self.rate / np.sqrt(self.accum[i])
        return proximal(x - rate * g, rate, self.l1, self.l2)


class AdagradDA(NumpyOptimizer):
    """For a global step that advances by 1 with each update, from 0."""
    slots = {"total": 0, "squares": None}
    initial, l1, l2, t = 0.1, 0.0, 0.0, 0

    def update(self, x, g, i):
        self.t += 1
        self.total[i] += g
        self.squares[i] += g ** 2
        kept = np.sign(self.total[i]) * np.maximum(np.abs(self.total[i]) - self.l1 * self.t, 0)
        return -self.rate * kept / (self.l2 * self.t * self.rate + np.sqrt(self.squares[i]))


class Adam(NumpyOptimizer):
    """Kingma & Ba's algorithm as the package documents it; rows without a gradient have one of 0."""
    slots = {"m": 0, "v": 0}
    rate, beta1, beta2, epsilon, t = 0.001, 0.9, 0.999, 1e-8, 0

    def step(self, x, g):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        rate = self.rate * np.sqrt(1 - self.beta2 ** self.t) / (1 - self.beta1 ** self.t)
        return x - rate * self.m / (np.sqrt(self.v) + self.epsilon)

    def rows(self, x, ids, g):
        total = np.zeros_like(x)
        np.add.at(total, ids, g)
        return self.step(x, total)
