"""The extension modules, and nothing else: metadata stands in setup.cfg."""
import platform
import re
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"]
# Where an element's bits must not depend on its place in an array: a loop's vectorised body and its tail contract alike, namely not
# at all.  Never -ffast-math: it flushes NumPy's denormals too.  gcc prefers 256-bit vectors on many processors with AVX-512.
EXACT = ["-ffp-contract=off"]
WIDE = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []
ARE_EXACT = """candidate_sampling lstm nn random reduction_ops state train_adam train_ops train_proximal vector_activations vector_ops""".split()
ARE_WIDE = """batch_norm conv conv_filter depthwise lrn lstm matmul matmul_forms matmul_sums nn pool reduction_ops state train_adam train_ops train_proximal vector_activations
              vector_ops""".split()

LINKING = {"minitf.kernels.cpu.parallel": ["-pthread"]}       # where the C library is older than 2.34, pthread_atfork() is in another one


def flags_of(name):
    """What one module is compiled with besides FLAGS."""
    package, _, module = name.rpartition(".")
    return EXACT * (module in ARE_EXACT) + WIDE * (module in ARE_WIDE) if package == "minitf.kernels.cpu" else []


def headers_of(path, known=()):
    """The headers that a file names, and those that they name: the module is compiled anew when one of them changes."""
    found = {headers[name] for name in re.findall(r'"(\w+\.h)"', path.read_text()) if name in headers} - set(known)
    for header in list(found):
        found |= headers_of(header, found | set(known))
    return found


root = Path(__file__).parent
names = sorted(".".join(p.relative_to(root).with_suffix("").parts) for p in (root / "minitf").rglob("*.pyx"))
headers = {path.name: path for path in (root / "minitf").rglob("*.h")}
shared = set().union(*map(headers_of, (root / "minitf").rglob("*.pxd")))
extensions = [Extension(name, [name.replace(".", "/") + ".pyx"], extra_compile_args=FLAGS + flags_of(name),
                        extra_link_args=LINKING.get(name, []),
                        depends=sorted(map(str, shared | headers_of(root / (name.replace(".", "/") + ".pyx")))),
                        include_dirs=[numpy.get_include()], define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")])
              for name in names]

setup(ext_modules=cythonize(extensions, compiler_directives=dict(
    language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False)))
