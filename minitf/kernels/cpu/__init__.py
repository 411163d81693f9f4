"""CPU kernels.  Importing the package registers them."""
from . import array
from . import array_gather
from . import array_make
from . import array_numpy
from . import array_strings
from . import checks
from . import elementwise
from . import io
from . import matmul
from . import nn
from . import random
from . import reduce
from . import script
from . import state
from . import summary
from . import train_ops
