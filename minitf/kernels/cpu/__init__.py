"""CPU kernels.  Importing the package registers them."""
from . import (array, array_gather, array_make, array_numpy, array_strings, checks, counting, elementwise, linalg, matmul, nn, random,
               reduce, reduce_numpy, scan, script, segment, special, state, summary)
