"""GPU kernels: CUDA C in .cu files, with the launches of each op beside them.  Importing the package registers them and compiles nothing."""
from . import reduce                                     # noqa: F401
from . import softmax                                    # noqa: F401
from . import arg_extreme                                # noqa: F401
from . import copies
from . import state
from . import batch_norm                                 # noqa: F401
from . import lrn                                        # noqa: F401
from . import scan                                       # noqa: F401
from . import segment                                    # noqa: F401
from . import checks                                     # noqa: F401
from . import top_k                                      # noqa: F401
