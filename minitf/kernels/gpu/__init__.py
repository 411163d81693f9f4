"""GPU kernels: CUDA C in .cu files, with the launches of each op beside them.  Importing the package registers them and compiles nothing."""
from . import elementwise
from . import arg_extreme, batch_norm, checks, lrn, reduce, scan, segment, softmax, top_k
from . import conv
from . import lstm, random, scatter, state, train_adam, train_ops, train_proximal
from . import copies
from . import depthwise
from . import matmul
from . import pool
from . import resize
from . import variables
from . import diagonals, gather, join, make, mirror, moves, slices                # noqa: F401
