"""Drawing a class in proportion to a weight.

AliasTable (Walker, 1977; built as Vose, 1991, does): as many slots as classes, each of the same width and shared by at most two of them.
A draw reads one slot, however many there are: with weights 1, 2, 5, whose mean is 8/3, slot 0 is its own for 3/8 and class 2's for 5/8,
slot 1 its own for 6/8 and class 2's for 2/8, slot 2 all its own.

CountTree: counts that grow, under a binary tree of their sums.  A draw goes down from the root, a count goes up from its leaf: 16 additions
for 50,000 classes.
"""
import numpy as np

from libc.stdlib cimport calloc, free, malloc

from .random cimport unit

from minitf.core.errors import InvalidArgumentError

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint64_t scaled_bits(uint64_t bits, uint64_t n, uint64_t *rest) {
        unsigned __int128 product = (unsigned __int128) bits * n;
        *rest = (uint64_t) product;
        return (uint64_t) (product >> 64);
    }
    """
    uint64_t scaled_bits(uint64_t, uint64_t, uint64_t *) nogil


cdef uint64_t scaled(uint64_t bits, uint64_t n, uint64_t *rest) noexcept nogil:
    return scaled_bits(bits, n, rest)


cdef class AliasTable:
    """Classes 0 to len(weights) - 1, drawn in proportion to weights; InvalidArgumentError if one is negative or not finite, or all are 0."""

    def __cinit__(self, weights):
        weights = np.ascontiguousarray(weights, np.float64)
        if not weights.size or not np.isfinite(weights).all() or weights.min() < 0 or not 0 < weights.sum() < np.inf:
            raise InvalidArgumentError(None, None, "the weights of classes must be finite, none negative and one positive at least, "
                                       f"got {weights.size} from {weights.min(initial=np.inf)} to {weights.max(initial=-np.inf)}")
        self.range, self.positive = weights.size, np.count_nonzero(weights)
        self.probability = <double *> malloc(weights.size * sizeof(double))
        self.slots = <Slot *> malloc(weights.size * sizeof(Slot))
        if self.probability == NULL or self.slots == NULL:
            raise MemoryError()
        self.fill(weights / weights.sum(), np.empty(weights.size, np.int64))

    def __dealloc__(self):
        free(self.probability)
        free(self.slots)

    cdef int fill(self, const double[::1] probability, int64_t[::1] waiting) except -1:
        """waiting: from the front the classes of less than a slot's width, from the back those of more."""
        cdef int64_t i, poor = 0, rich = self.range, giver
        for i in range(self.range):
            self.probability[i] = probability[i]
            self.slots[i] = Slot(probability[i] * self.range, i)
            if self.slots[i].keep < 1:
                waiting[poor] = i
                poor += 1
            else:
                rich -= 1
                waiting[rich] = i
        while poor > 0 and rich < self.range:
            poor -= 1
            i, giver = waiting[poor], waiting[rich]
            self.slots[i].other = giver
            self.slots[giver].keep -= 1 - self.slots[i].keep
            if self.slots[giver].keep < 1:                 # it has become poor itself
                rich += 1
                waiting[poor] = giver
                poor += 1
        while poor > 0:                                    # left over by rounding: of a width that is 1 but for that
            poor -= 1
            self.slots[waiting[poor]].keep = 1
        return 0

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        cdef uint64_t rest
        cdef int64_t i = <int64_t> scaled(bits, self.range, &rest)
        return i if unit(rest) < self.slots[i].keep else self.slots[i].other


cdef class CountTree(Resource):
    """Classes 0 to classes - 1, each counted once at first."""

    def __init__(self, str name, int64_t classes):
        cdef int64_t i
        self.range, self.leaves = classes, 1
        while self.leaves < classes:
            self.leaves *= 2
        self.sums = <int64_t *> calloc(2 * self.leaves, sizeof(int64_t))
        if self.sums == NULL:
            raise MemoryError()
        for i in range(classes):
            self.sums[self.leaves + i] = 1
        for i in range(self.leaves - 1, 0, -1):
            self.sums[i] = self.sums[2 * i] + self.sums[2 * i + 1]

    def __dealloc__(self):
        free(self.sums)

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        cdef uint64_t rest
        cdef int64_t left = <int64_t> scaled(bits, self.sums[1], &rest), node = 1
        while node < self.leaves:
            node *= 2
            if left >= self.sums[node]:
                left -= self.sums[node]
                node += 1
        return node - self.leaves

    cdef void count(self, int64_t value) noexcept nogil:
        cdef int64_t node = self.leaves + value
        while node:
            self.sums[node] += 1
            node //= 2
