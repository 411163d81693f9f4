"""What a loop saves in each iteration for its gradient, and the kernels that read it."""
from cpython.ref cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from minitf.core.buffers cimport release
from minitf.kernels.cpu.kernel cimport DONE, Kernel, int32s
from minitf.session.call cimport bind_output, static_outputs

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.kernels.cpu.kernel import register_python_kernel

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *) nogil


cdef class History:
    def __cinit__(self, Py_ssize_t width):
        self.width = width

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.length * self.width):
            release(self.saved[i].storage)
        free(self.saved)

    def __len__(self):
        return self.length

    def __repr__(self):
        return f"<history of {self.length} iterations, {self.width} tensors each>"

    cdef Buffer *add(self) except NULL nogil:
        """Room for the tensors of one more iteration."""
        cdef Py_ssize_t room
        cdef Buffer *saved
        if self.length == self.room:
            room = 2 * self.room + 16
            saved = <Buffer *> realloc(self.saved, (room * self.width + 1) * sizeof(Buffer))
            if saved == NULL:
                with gil:
                    raise MemoryError()
            self.saved, self.room = saved, room
        memset(&self.saved[self.length * self.width], 0, self.width * sizeof(Buffer))
        self.length += 1
        return &self.saved[(self.length - 1) * self.width]


cdef PyObject *history_of(Buffer *b) except NULL nogil:
    cdef PyObject *found = (<PyObject **> b.data)[0]
    if found == NULL or Py_TYPE(found) != <PyTypeObject *> History:
        with gil:
            raise InvalidArgumentError(None, None, "The input is not the history of a loop")
    return found


cdef class HistoryLength(Kernel):
    cdef int run(self) except -1 nogil:
        int32s(self.outputs[0])[0] = <int32_t> (<History> history_of(self.inputs[0])).length
        return DONE


cdef class HistoryRead(Kernel):
    """What a loop saved in one iteration, by reference."""
    cdef list fields
    cdef Py_ssize_t *numbers
    cdef bint *is_static

    def __init__(self, attrs):
        self.fields = list(attrs["fields"])
        self.numbers = <Py_ssize_t *> calloc(len(self.fields) + 1, sizeof(Py_ssize_t))
        if self.numbers == NULL:
            raise MemoryError()
        for i, field in enumerate(self.fields):
            self.numbers[<Py_ssize_t> i] = field

    def __dealloc__(self):
        free(self.numbers)
        free(self.is_static)

    def prepare(self):
        self.is_static = static_outputs(self)

    cdef int run(self) except -1 nogil:
        cdef PyObject *history = history_of(self.inputs[0])
        cdef int32_t index = int32s(self.inputs[1])[0]
        cdef Py_ssize_t i
        if not 0 <= index < (<History> history).length:
            with gil:
                raise InvalidArgumentError(None, None, f"There is no iteration {index} in {<object> history!r}")
        for i in range(self.n_outputs):
            if not 0 <= self.numbers[i] < (<History> history).width:
                with gil:
                    raise InvalidArgumentError(None, None, f"There is no tensor {self.numbers[i]} in {<object> history!r}")
            bind_output(self.outputs[i], &(<History> history).saved[index * (<History> history).width + self.numbers[i]], self.is_static[i])
        return DONE


@register_python_kernel("NoHistory", strings=True)
def no_history(attrs):
    return (None,)


register_kernel("HistoryLength", strings=True)(HistoryLength)
register_kernel("HistoryRead", strings=True, binds=True)(HistoryRead)
