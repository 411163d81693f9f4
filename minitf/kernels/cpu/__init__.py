"""CPU kernels.  Importing the package registers them."""
import os

# SciPy's BLAS has threads of its own, which look out for the next product for some 30 ms behind each and keep ours from their cores
# meanwhile: a step of an LSTM with two threads took as long as with one.  So they sleep at once, unless the user wants it otherwise.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from . import (array, array_nd, array_parts, array_reverse, image, image_codecs, random_numpy, sparse, sparse_numpy, strided_slice,
               string_kernels, top_k)
from . import accumulators
from . import array_gather
from . import array_make
from . import array_nd
from . import array_numpy
from . import array_parts
from . import array_reverse
from . import array_strings
from . import batch_norm
from . import candidate_sampling
from . import checks
from . import complex_numpy
from . import conv, conv_filter
from . import counting
from . import depthwise
from . import dequeue
from . import elementwise
from . import io
from . import linalg
from . import lrn
from . import lstm
from . import matmul, matmul_forms, matmul_sums
from . import nn
from . import pool
from . import queues
from . import random
from . import random_numpy
from . import reduce
from . import reduce_numpy
from . import scan
from . import script
from . import segment
from . import special
from . import state
from . import strided_slice
from . import summary
from . import top_k
from . import train_adam
from . import train_ops
from . import train_proximal
from . import unique
