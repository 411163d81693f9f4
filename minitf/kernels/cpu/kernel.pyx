"""Kernel, its Python subclass, and a way to run one kernel by itself."""
import numpy as numpy

cimport numpy as np
from cpython.ref cimport PyObject
from libc.stdlib cimport calloc, free

from minitf.core.buffers cimport copy_elements, copy_of, describe, holds_objects, release, storage_for, typenum_of, view_of

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.core.resources import Resource
from minitf.core.strings import as_strings

np.import_array()

cdef extern from *:
    """
    #if defined(__SSE__)
    #include <xmmintrin.h>
    static inline unsigned flush_denormals(void) { unsigned old = _mm_getcsr(); _mm_setcsr(old | 0x8040); return old; }
    static inline void restore_denormals(unsigned old) { _mm_setcsr(old); }
    #elif defined(__aarch64__)
    static inline unsigned flush_denormals(void) {
        unsigned long old; __asm__ volatile("mrs %0, fpcr" : "=r"(old));
        __asm__ volatile("msr fpcr, %0" :: "r"(old | (1ul << 24))); return (unsigned) old; }
    static inline void restore_denormals(unsigned old) { __asm__ volatile("msr fpcr, %0" :: "r"((unsigned long) old)); }
    #else
    static inline unsigned flush_denormals(void) { return 0; }
    static inline void restore_denormals(unsigned old) { (void) old; }
    #endif
    """
    unsigned c_flush "flush_denormals"() nogil
    void c_restore "restore_denormals"(unsigned) nogil


cdef unsigned flush_denormals() noexcept nogil:
    return c_flush()


cdef void restore_denormals(unsigned saved) noexcept nogil:
    c_restore(saved)


cdef class Kernel:
    def __cinit__(self, *args, **kwargs):
        self.inputs = self.outputs = NULL
        self.n_inputs = self.n_outputs = 0

    def __init__(self, attrs):
        pass

    def __dealloc__(self):
        free(self.inputs)
        free(self.outputs)

    def prepare(self):
        """Called once, when the buffers are bound and every shape is known."""

    cdef int run(self) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no run()")


cdef int bind(Kernel kernel, list inputs, list outputs, Buffer *buffers, Waiter waiter) except -1:
    """Point the kernel at buffers[i] for the given numbers.  prepare() comes after every kernel of a plan is bound."""
    cdef Py_ssize_t i
    free(kernel.inputs)
    free(kernel.outputs)
    kernel.n_inputs, kernel.n_outputs, kernel.waiter = len(inputs), len(outputs), waiter
    kernel.inputs = <Buffer **> calloc(kernel.n_inputs + 1, sizeof(Buffer *))
    kernel.outputs = <Buffer **> calloc(kernel.n_outputs + 1, sizeof(Buffer *))
    if kernel.inputs == NULL or kernel.outputs == NULL:
        raise MemoryError()
    for i in range(kernel.n_inputs):
        kernel.inputs[i] = &buffers[<Py_ssize_t> inputs[i]]
    for i in range(kernel.n_outputs):
        kernel.outputs[i] = &buffers[<Py_ssize_t> outputs[i]]
    return 0


cdef class PythonKernel(Kernel):
    """Takes the GIL for itself alone, with denormals as NumPy expects them, and copies the results into the plan's buffers."""

    def __init__(self, attrs, function):
        self.attrs, self.function = attrs, function

    cdef int run(self) except -1 nogil:
        cdef unsigned saved = c_flush()
        with gil:
            self.compute()
        c_restore(saved)
        return 0

    cdef int compute(self) except -1:
        cdef Py_ssize_t i
        cdef unsigned saved = c_flush()
        c_restore(saved & ~<unsigned> 0x8040)
        arrays = []
        for i in range(self.n_inputs):
            array = view_of(self.inputs[i], self)
            array.flags.writeable = False
            arrays.append(array)
        try:
            results = self.function(self.attrs, *arrays)
        finally:
            c_restore(saved)
        if results is None:
            results = ()
        elif self.n_outputs == 1 and not isinstance(results, (tuple, list)):
            results = (results,)
        if len(results) != self.n_outputs:
            raise InvalidArgumentError(None, None, f"{self.function.__name__} returned {len(results)} arrays, the op has {self.n_outputs} outputs")
        for i in range(self.n_outputs):
            store(self.outputs[i], results[i], self.function.__name__)
        return 0


cdef int store(Buffer *out, object result, str who) except -1:
    """Copy an array into a buffer whose shape is planned, or into a fresh storage where only the kernel knows the shape."""
    cdef np.ndarray array
    if out.dtype == STRING:
        try:
            result = as_strings(result)
        except TypeError as error:
            raise InvalidArgumentError(None, None, f"{who}: {error}") from None
    elif out.dtype == VARIANT and not isinstance(result, numpy.ndarray):
        result, value = numpy.empty((), object), result
        result[()] = value
    array = np.PyArray_FROM_OTF(result, typenum_of(out.dtype), np.NPY_ARRAY_IN_ARRAY | np.NPY_ARRAY_FORCECAST)
    cdef int64_t shape[MAX_RANK]
    cdef int i
    if np.PyArray_NDIM(array) > MAX_RANK:
        raise InvalidArgumentError(None, None, f"{who} returned an array of {np.PyArray_NDIM(array)} dimensions, at most {MAX_RANK} are possible")
    if out.data == NULL:
        for i in range(np.PyArray_NDIM(array)):
            shape[i] = np.PyArray_DIM(array, i)
        allocate(out, np.PyArray_NDIM(array), shape)
    else:
        planned = tuple([out.shape[i] for i in range(out.rank)])
        if planned != (<object> array).shape:
            raise InvalidArgumentError(None, None, f"{who} returned shape {(<object> array).shape}, its shape function promised {planned}")
        if holds_objects(out.dtype):                    # what is there is given back with its storage
            allocate(out, out.rank, <int64_t *> out.shape)
    return copy_elements(out.data, <char *> np.PyArray_DATA(array), out)


class _PythonKernelClass:
    """What the registry holds for a Python kernel: called with attrs, it makes the Kernel."""

    def __init__(self, function, make_state):
        self.function, self.make_state = function, make_state
        self.__name__ = function.__name__

    def __call__(self, attrs):
        return PythonKernel(attrs, self.function)


def register_python_kernel(op_type, in_place=False, strings=False, state=None, **constraints):
    """Decorate function(attrs, *arrays) -> array or tuple of arrays: a kernel written with NumPy.

    The arrays are read-only views of the inputs.  Results are cast to the outputs' dtypes and copied.
    strings: whether it serves tensors of strings, which are arrays of bytes objects, wherever the op allows any dtype.
    state: called once per op and session; what it returns is attrs["_state"] in every step.

        @register_python_kernel("Cube")
        def cube(attrs, x):
            return x ** 3
    """
    def decorate(function):
        register_kernel(op_type, "CPU", in_place, strings, **constraints)(_PythonKernelClass(function, state))
        return function
    return decorate


def run_kernel(kernel_class, attrs, inputs, output_shapes, output_dtypes, repeat=1, in_place=None):
    """Run one kernel by itself on NumPy arrays; returns the list of its outputs.

    inputs         arrays, or Resources for ref inputs
    output_shapes  a shape per output; None where only the kernel knows it
    repeat         how often run() is called on the same data
    in_place       the number of the input whose (copied) memory the first output shares
    """
    cdef Py_ssize_t i, n_in = len(inputs), n_out = len(output_shapes)
    cdef Buffer *buffers = <Buffer *> calloc(n_in + n_out + 1, sizeof(Buffer))
    cdef Kernel kernel = kernel_class(attrs)
    cdef int status = 0
    cdef long times = repeat
    cdef unsigned saved
    cdef np.ndarray array
    held = []
    try:
        for i in range(n_in):
            if isinstance(inputs[i], Resource):
                buffers[i].resource = <void *> <PyObject *> inputs[i]
                held.append(inputs[i])
                continue
            array = numpy.require(inputs[i], requirements="C")
            if i == in_place:
                array = array.copy()
            held.append(array)
            describe(&buffers[i], as_dtype(array.dtype), (<object> array).shape)
            buffers[i].data = <char *> np.PyArray_DATA(array)
        for i in range(n_out):
            describe(&buffers[n_in + i], output_dtypes[i], output_shapes[i] or ())
            if i == 0 and in_place is not None:
                buffers[n_in].data = buffers[<Py_ssize_t> in_place].data
            elif output_shapes[i] is not None:
                buffers[n_in + i].storage = storage_for(&buffers[n_in + i])
                buffers[n_in + i].data = buffers[n_in + i].storage.data
        bind(kernel, list(range(n_in)), list(range(n_in, n_in + n_out)), buffers, Waiter())
        kernel.prepare()
        with nogil:
            saved = c_flush()
            try:
                while times > 0:
                    status = kernel.run()
                    times -= 1
            finally:
                c_restore(saved)
        return [copy_of(&buffers[n_in + i]) if buffers[n_in + i].data != NULL else None for i in range(n_out)]
    finally:
        for i in range(n_in + n_out):
            release(buffers[i].storage)
        free(buffers)
