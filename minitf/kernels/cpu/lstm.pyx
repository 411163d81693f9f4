"""The LSTM cell in one instruction: the product of its inputs and its weights, then one pass over the gates; and the pass backward.

The gradients' products are ops of their own (autodiff/lstm_grad.py).  The loops are in lstm_rows.h.
"""
from libc.stdlib cimport free
from libc.string cimport memcpy
from posix.stdlib cimport posix_memalign

from .kernel cimport FLOAT32, Buffer, Kernel
from .matmul cimport MatMul
from .parallel cimport GRAIN, Body, parallel_for
from minitf.core.buffers cimport describe

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

cdef extern from "lstm_rows.h" nogil:
    ctypedef struct LstmStep:
        Py_ssize_t n
        bint peephole
        double forget_bias, cell_clip
        char *cs_prev
        char *i
        char *cs
        char *f
        char *o
        char *ci
        char *co
        char *h
        void *b
        void *wci
        void *wcf
        void *wco
        char *gates
        char *cs_grad
        char *h_grad
        char *cs_prev_grad
    void float32_lstm_forward(void *, Py_ssize_t, Py_ssize_t) noexcept
    void float64_lstm_forward(void *, Py_ssize_t, Py_ssize_t) noexcept
    void float32_lstm_backward(void *, Py_ssize_t, Py_ssize_t) noexcept
    void float64_lstm_backward(void *, Py_ssize_t, Py_ssize_t) noexcept
    void float32_lstm_peephole(void *, const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept
    void float64_lstm_peephole(void *, const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept

cdef enum:
    CYCLES = 4                         # of one element of either pass, or a bit more


cdef class LSTMStepKernel(Kernel):
    """What both directions share: the sizes, and the arrays of a step as the loops want them."""
    cdef LstmStep step
    cdef Py_ssize_t rows

    def __init__(self, attrs):
        self.step.peephole = attrs["use_peephole"]
        self.step.cell_clip = attrs["cell_clip"]

    cdef bint is_float(self) noexcept nogil:
        return self.inputs[1].dtype == FLOAT32

    cdef void share(self, Body body) noexcept nogil:
        parallel_for(body, &self.step, self.rows, max(1, GRAIN // CYCLES // max(1, self.step.n)))


cdef class LSTMBlockCell(LSTMStepKernel):
    """x, cs_prev, h_prev, w, wci, wcf, wco, b -> i, cs, f, o, ci, co, h."""
    cdef MatMul product                # [x, h_prev] w, with the bits of an op MatMul
    cdef Buffer joined                 # [x, h_prev]
    cdef char *scratch                 # for these and the product

    def __init__(self, attrs):
        super().__init__(attrs)
        self.step.forget_bias = attrs["forget_bias"]

    def __dealloc__(self):
        free(self.scratch)

    def prepare(self):
        cdef Py_ssize_t nbytes
        self.rows, self.step.n = self.inputs[1].shape[0], self.inputs[1].shape[1]
        describe(&self.joined, float32 if self.is_float() else float64, (self.rows, self.inputs[3].shape[0]))
        nbytes = (self.joined.size * self.joined.itemsize + 63) // 64 * 64
        if posix_memalign(<void **> &self.scratch, 64, nbytes + 4 * self.inputs[1].size * self.joined.itemsize + 64):
            raise MemoryError()
        self.joined.data, self.step.gates = self.scratch, self.scratch + nbytes
        self.product = MatMul({})
        self.product.choose(&self.joined, self.inputs[3])

    cdef int run(self) except -1 nogil:
        cdef LstmStep *s = &self.step
        cdef Py_ssize_t r, x = self.inputs[0].shape[1] * self.joined.itemsize, h = s.n * self.joined.itemsize
        for r in range(self.rows):
            memcpy(self.joined.data + r * (x + h), self.inputs[0].data + r * x, x)
            memcpy(self.joined.data + r * (x + h) + x, self.inputs[2].data + r * h, h)
        self.product.product(s.gates, NULL)
        s.cs_prev, s.b = self.inputs[1].data, self.inputs[7].data
        s.wci, s.wcf, s.wco = self.inputs[4].data, self.inputs[5].data, self.inputs[6].data
        s.i, s.cs, s.f, s.o = self.outputs[0].data, self.outputs[1].data, self.outputs[2].data, self.outputs[3].data
        s.ci, s.co, s.h = self.outputs[4].data, self.outputs[5].data, self.outputs[6].data
        self.share(float32_lstm_forward if self.is_float() else float64_lstm_forward)
        return 0


cdef class LSTMBlockCellGrad(LSTMStepKernel):
    """x, cs_prev, h_prev, w, wci, wcf, wco, b, i, cs, f, o, ci, co, cs_grad, h_grad -> cs_prev_grad, dicfo, wci_grad, wcf_grad, wco_grad."""

    def prepare(self):
        self.rows, self.step.n = self.inputs[1].shape[0], self.inputs[1].shape[1]

    cdef int run(self) except -1 nogil:
        cdef LstmStep *s = &self.step
        s.cs_prev, s.cs_grad, s.h_grad = self.inputs[1].data, self.inputs[14].data, self.inputs[15].data
        s.wci, s.wcf, s.wco = self.inputs[4].data, self.inputs[5].data, self.inputs[6].data
        s.i, s.cs, s.f, s.o = self.inputs[8].data, self.inputs[9].data, self.inputs[10].data, self.inputs[11].data
        s.ci, s.co = self.inputs[12].data, self.inputs[13].data
        s.cs_prev_grad, s.gates = self.outputs[0].data, self.outputs[1].data
        self.share(float32_lstm_backward if self.is_float() else float64_lstm_backward)
        # The gates i, f and o are the first, third and fourth of the four; i and f saw the old memory, o the new one.
        self.peephole_grad(2, 0, s.cs_prev)
        self.peephole_grad(3, 2, s.cs_prev)
        self.peephole_grad(4, 3, s.cs)
        return 0

    cdef void peephole_grad(self, int output, int gate, const char *c) noexcept nogil:
        cdef Py_ssize_t n = self.step.n, rows = self.rows if self.step.peephole else 0
        cdef const char *gates = self.step.gates + gate * n * self.inputs[1].itemsize
        if self.is_float():
            float32_lstm_peephole(self.outputs[output].data, gates, c, rows, n)
        else:
            float64_lstm_peephole(self.outputs[output].data, gates, c, rows, n)


register_kernel("LSTMBlockCell", T=[float32, float64])(LSTMBlockCell)
register_kernel("LSTMBlockCellGrad", T=[float32, float64])(LSTMBlockCellGrad)
