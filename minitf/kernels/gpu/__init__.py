"""GPU kernels: CUDA C in .cu files, with the launches of each op beside them.  Importing the package registers them and compiles nothing."""
from . import lstm, random, state, train_adam, train_ops, train_proximal
from . import copies
from . import variables
