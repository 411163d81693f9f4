"""Matrix products by NVIDIA's cuBLAS, called through ctypes where the library is there.

It is looked for by name, then in the package nvidia-cublas.  A handle serves one stream of one context, and one thread at a time: a call
takes one from those that are free, or makes one.  The math mode is cuBLAS's default, in which products of float32 are true float32: no TF32.

(NVIDIA, cuBLAS Library documentation, sections "cuBLAS Context", "cublas<t>gemm()" and "cublas<t>gemmStridedBatched()".)
"""
import ctypes
import functools
import glob
import os
import sys
import threading

from ...core.dtypes import as_dtype
from ...core.errors import InternalError

NAMES = ("libcublas.so.13", "libcublas.so.12", "libcublas.so")
DEFAULT_MATH = 0
_LETTERS = {"float32": ("S", ctypes.c_float), "float64": ("D", ctypes.c_double)}
_STATUS = {1: "not initialized", 3: "allocation failed", 7: "invalid value", 8: "no such architecture", 11: "mapping error",
           13: "execution failed", 14: "internal error", 15: "not supported"}


@functools.lru_cache(maxsize=None)
def find():
    """The library, or None.  Loading it touches no device."""
    packaged = [path for folder in sys.path for path in sorted(glob.glob(os.path.join(folder, "nvidia", "*", "lib", "libcublas.so.*")))]
    for name in (*NAMES, *packaged):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


@functools.lru_cache(maxsize=None)
def _driver():
    return ctypes.CDLL("libcuda.so.1")


def current_context():
    """The number of the calling thread's context."""
    context = ctypes.c_void_p()
    if _driver().cuCtxGetCurrent(ctypes.byref(context)):
        raise InternalError(None, None, "cuBLAS: cuCtxGetCurrent failed")
    return context.value


class Library:
    """cuBLAS with the handles that it has made.

    A thread takes a handle that nobody uses, or makes one, and gives it back when its call has returned; lists of free handles are
    changed under a lock, and no call of the library is made under it.  Handles live as long as the process: a context that they
    belong to is a device's primary one, which lives as long.
    """

    def __init__(self, functions, context=current_context):
        self.functions, self.context = functions, context
        self.lock, self.free = threading.Lock(), {}

    def check(self, status, what):
        if status:
            raise InternalError(None, None, f"cuBLAS: {what} failed: {_STATUS.get(status, 'status')} ({status})")

    def take(self, key):
        with self.lock:
            handles = self.free.setdefault(key, [])
            if handles:
                return handles.pop()
        handle = ctypes.c_void_p()
        self.check(self.functions.cublasCreate_v2(ctypes.byref(handle)), "cublasCreate")
        self.check(self.functions.cublasSetStream_v2(handle, ctypes.c_void_p(key[1])), "cublasSetStream")
        self.check(self.functions.cublasSetMathMode(handle, ctypes.c_int(DEFAULT_MATH)), "cublasSetMathMode")
        return handle

    def call(self, name, stream, *args):
        """cublas<name>(handle, *args) on a stream of the calling thread's context."""
        key = (self.context(), stream)
        handle = self.take(key)
        try:
            self.check(getattr(self.functions, "cublas" + name)(handle, *args), "cublas" + name)
        finally:
            with self.lock:
                self.free[key].append(handle)


@functools.lru_cache(maxsize=None)
def library():
    functions = find()
    if functions is None:
        raise InternalError(None, None, f"cuBLAS was not found: looked for {', '.join(NAMES)}, and in the package nvidia-cublas")
    return Library(functions)


class Gemm:
    """out [batch, m, n] = a [batch, m, k] times b [batch, k, n], or with turned_a, turned_b of transposes, which lie as they are.

    cuBLAS counts along columns: what we call a matrix of m rows of n is, to it, the transpose, n rows of m.  So it is asked for
    out' = b' a', whose sides then need no turning that ours did not need.
    """

    def __init__(self, dtype, m, n, k, turned_a=False, turned_b=False, batch=1, cublas=None):
        self.letter, scalar = _LETTERS[as_dtype(dtype).name]
        self.shape, self.cublas = (m, n, k, batch), cublas or library()
        self.one, self.zero = scalar(1), scalar(0)
        self.turned = [ctypes.c_int(1 if turned_b else 0), ctypes.c_int(1 if turned_a else 0)]
        self.sizes = [ctypes.c_int(n), ctypes.c_int(m), ctypes.c_int(k)]
        self.lines = [ctypes.c_int(k if turned_b else n), ctypes.c_int(m if turned_a else k), ctypes.c_int(n)]
        self.pages = [ctypes.c_longlong(k * n), ctypes.c_longlong(m * k), ctypes.c_longlong(m * n)]

    def enqueue(self, stream, addresses):
        """Queue it: stream the number of a stream of the current context, addresses of a, b and out."""
        a, b, out = map(ctypes.c_void_p, addresses)
        (line_b, line_a, line), (page_b, page_a, page) = self.lines, self.pages
        one, zero, batch = ctypes.byref(self.one), ctypes.byref(self.zero), self.shape[3]
        if batch == 1:
            self.cublas.call(f"{self.letter}gemm_v2", stream, *self.turned, *self.sizes, one, b, line_b, a, line_a, zero, out, line)
        else:
            self.cublas.call(f"{self.letter}gemmStridedBatched", stream, *self.turned, *self.sizes, one, b, line_b, page_b,
                             a, line_a, page_a, zero, out, line, page, ctypes.c_int(batch))

    def __str__(self):
        m, n, k, batch = self.shape
        return f"cublas{self.letter}gemm[{batch} x {m} x {n} x {k}]"
