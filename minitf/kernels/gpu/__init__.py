"""GPU kernels: CUDA C in .cu files, with the launches of each op beside them.  Importing the package registers them and compiles nothing."""
from . import copies
from . import diagonals, gather, join, make, mirror, moves, slices
from . import variables
