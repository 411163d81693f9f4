"""Products made of MatMul: many small ones at once, and one that updates a variable."""
from libc.stdlib cimport free
from posix.stdlib cimport posix_memalign

from minitf.core.resources cimport VariableState
from minitf.kernels.cpu.kernel cimport Buffer
from minitf.kernels.cpu.matmul cimport TILES, TURNED_TILES, WORTH, MatMul, descend_range
from minitf.kernels.cpu.parallel cimport GRAIN

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.registry import register_kernel


cdef class BatchMatMul(MatMul):
    """One product for each matrix in the last two dimensions of x and y (adj_x, adj_y: transposed), whose other dimensions are the same."""
    cdef Buffer page_x, page_y         # the matrices of the product at hand

    def __init__(self, attrs):
        self.transpose_a, self.transpose_b = attrs.get("adj_x", False), attrs.get("adj_y", False)

    def prepare(self):
        self.take_page(&self.page_x, self.inputs[0])
        self.take_page(&self.page_y, self.inputs[1])
        self.choose(&self.page_x, &self.page_y)

    cdef void take_page(self, Buffer *page, const Buffer *pages) noexcept:
        page[0] = pages[0]
        page.rank = 2
        page.shape[0], page.shape[1] = pages.shape[pages.rank - 2], pages.shape[pages.rank - 1]
        page.size = page.shape[0] * page.shape[1]

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t i, size = self.m * self.n
        if size:
            for i in range(self.outputs[0].size // size):
                self.page_x.data = self.inputs[0].data + i * self.page_x.size * self.itemsize
                self.page_y.data = self.inputs[1].data + i * self.page_y.size * self.itemsize
                self.product(self.outputs[0].data + i * size * self.itemsize, NULL)
        return 0


cdef class MatMulUpdate(MatMul):
    """var -= alpha * op(a) op(b): gradient descent whose gradient is a product, which is never stored where tiles compute it.

    inputs (ref var, alpha, a, b).  Bit for bit what MatMul and then ApplyGradientDescent, fma(-alpha, gradient, var), give.
    """
    cdef VariableState variable
    cdef char *gradient

    def __dealloc__(self):
        free(self.gradient)

    def prepare(self):
        self.variable = <VariableState> self.inputs[0].resource
        self.choose(self.inputs[2], self.inputs[3])
        if self.way != TILES and self.way != TURNED_TILES or self.in_blocks():
            if posix_memalign(<void **> &self.gradient, 64, max(64, self.m * self.n * self.itemsize)):
                raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef char *out
        cdef char *alpha = self.inputs[1].data
        self.variable.lock()
        out = self.variable.writable().data
        if self.gradient == NULL:
            self.product(out, alpha)
        else:
            self.product(self.gradient, NULL)
            self.share(descend_range, self.gradient, 0, out, alpha, self.m * self.n, WORTH // GRAIN)
        self.variable.unlock()
        return 0


register_kernel("BatchMatMul", T=[float32, float64, int32, int64])(BatchMatMul)
register_kernel("_MatMulUpdate", T=[float32, float64])(MatMulUpdate)
