"""GPU kernels: CUDA C in .cu files, with the launches of each op beside them.  Importing the package registers them and compiles nothing."""
from . import elementwise
from . import reduce                                     # noqa: F401
from . import softmax                                    # noqa: F401
from . import arg_extreme                                # noqa: F401
from . import conv
from . import lstm, random, state, train_adam, train_ops, train_proximal
from . import copies
from . import matmul
from . import variables
from . import diagonals, gather, join, make, mirror, moves, slices                # noqa: F401
