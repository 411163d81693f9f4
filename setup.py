"""The extension modules, and nothing else: metadata stands in setup.cfg."""
import platform
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"]
# Where an element's bits must not depend on its place in an array: a loop's vectorised body and its tail contract alike, namely not
# at all.  Never -ffast-math: it flushes NumPy's denormals too.  gcc prefers 256-bit vectors on many processors with AVX-512.
EXACT = ["-ffp-contract=off"]
WIDE = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []
EXTRA = {"minitf.kernels.cpu.vector_ops": EXACT + WIDE, "minitf.kernels.cpu.reduction_ops": EXACT + WIDE, "minitf.kernels.cpu.nn": EXACT + WIDE,
         "minitf.kernels.cpu.state": EXACT + WIDE, "minitf.kernels.cpu.train_ops": EXACT + WIDE,
         "minitf.kernels.cpu.train_adam": EXACT + WIDE, "minitf.kernels.cpu.train_proximal": EXACT + WIDE,
         "minitf.kernels.cpu.vector_activations": EXACT + WIDE, "minitf.kernels.cpu.conv": WIDE, "minitf.kernels.cpu.pool": WIDE,
         "minitf.kernels.cpu.random": EXACT, "minitf.kernels.cpu.lstm": EXACT + WIDE, "minitf.kernels.cpu.matmul": WIDE, "minitf.kernels.cpu.matmul_forms": WIDE}

LINKING = {"minitf.kernels.cpu.parallel": ["-pthread"]}       # where the C library is older than 2.34, pthread_atfork() is in another one

root = Path(__file__).parent
names = sorted(".".join(p.relative_to(root).with_suffix("").parts) for p in (root / "minitf").rglob("*.pyx"))
headers = sorted(map(str, (root / "minitf").rglob("*.h")))
extensions = [Extension(name, [name.replace(".", "/") + ".pyx"], extra_compile_args=FLAGS + EXTRA.get(name, []),
                        extra_link_args=LINKING.get(name, []),
                        depends=headers, include_dirs=[numpy.get_include()], define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")])
              for name in names]

setup(ext_modules=cythonize(extensions, compiler_directives=dict(
    language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False)))
