"""CPU kernels.  Importing the package registers them."""
from . import (array, array_gather, array_make, array_nd, array_numpy, array_parts, array_reverse, array_strings, checks, counting,
               elementwise, linalg, matmul, nn, random, random_numpy, reduce, reduce_numpy, scan, script, segment, special, state,
               strided_slice, summary, top_k)
