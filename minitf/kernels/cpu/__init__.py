"""CPU kernels.  Importing the package registers them."""
from . import array, array_gather, array_make, array_numpy, array_strings, checks, conv, elementwise, matmul, nn, pool, random, reduce, script, state, summary
