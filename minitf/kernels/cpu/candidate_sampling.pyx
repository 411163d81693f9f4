"""Candidate samplers: a few classes drawn in place of all, and how often each was to be expected among them.

A run draws num_sampled classes with 64 bits each from its stream (random.pyx).  Draws that are refused, because unique classes are
wanted, are made good from the same blocks of parallel streams, so a run always takes the same count of blocks.

Work and memory are those of the classes in the batch; of a table of weights only what is drawn is read.
"""
from libc.math cimport exp, log
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from .index_set cimport IndexSet
from .indexing cimport check_indices
from .kernel cimport Buffer, Kernel, allocate, float32s, int32s, int64s
from .random cimport BLOCKS, RandomKernel, WORDS, philox, unit, wide
from .sampling_tables cimport AliasTable, CountTree, scaled

import numpy as np

from minitf.core.errors import InvalidArgumentError, NotFoundError
from minitf.core.registry import register_kernel

cdef extern from "vector_math.h" nogil:
    double exp64(double)
    double log1p64(double)

cdef extern from "float.h":
    float FLT_MAX

cdef enum:
    DRAWS = WORDS // 2                 # of 64 bits, made at once
    CHUNK = 64                         # probabilities worked on at once
    MOST_DRAWS = 1 << 28               # some seconds; classes still missing then are too rare to wait for


cdef class CandidateSampler(RandomKernel):
    """inputs (true_classes [batch, num_true]); outputs (sampled, expected count of each true class, expected count of each that was sampled).

    A class of probability p is expected num_sampled * p times; where draws are refused until all are unique, and t were needed,
    it is met with probability 1 - (1 - p)^t, computed as -expm1(t * log1p(-p)).  (TensorFlow gives num_sampled * p too where it happens that
    none was refused, which may be above 1.)
    """
    cdef int64_t range, num_sampled, blocks
    cdef bint unique
    cdef IndexSet seen

    def __init__(self, attrs):
        self.state = attrs["_state"]
        self.num_sampled, self.unique = attrs["num_sampled"], attrs["unique"]
        self.range = attrs.get("range_max", self.num_sampled)
        self.blocks = (self.num_sampled + DRAWS - 1) // DRAWS * BLOCKS
        if self.unique:
            self.seen = IndexSet(self.num_sampled)

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        """A class, for 64 random bits."""
        return 0

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        """The probability that pick() gives each of these classes."""

    cdef int run(self) except -1 nogil:
        cdef int64_t draws
        check_indices(self.inputs[0], self.range, b"true_classes")
        draws = self.sample(int64s(self.outputs[0]))
        self.expected_counts(self.inputs[0], float32s(self.outputs[1]), draws)
        self.expected_counts(self.outputs[0], float32s(self.outputs[2]), draws)
        return 0

    cdef int64_t sample(self, int64_t *to) except -1 nogil:
        """Fills to[:num_sampled]; how many draws that took."""
        cdef uint32_t words[WORDS]
        cdef uint64_t first = self.state.take(self.blocks), batch
        cdef int64_t found = 0, draws = 0, value
        if self.unique:
            self.seen.clear()
        while found < self.num_sampled:
            if draws % DRAWS == 0:
                batch = draws // DRAWS * BLOCKS
                philox(words, self.state.key, first + batch % self.blocks, batch // self.blocks)
            value = self.pick(wide(words, draws % DRAWS))
            draws += 1
            if not self.unique or self.seen.put(value, <int32_t> found):
                to[found] = value
                found += 1
            elif draws == MOST_DRAWS:
                with gil:
                    raise InvalidArgumentError(None, None, f"after {draws} draws only {found} of {self.num_sampled} unique classes were found: "
                                               "the others are too improbable")
        return draws

    cdef void expected_counts(self, Buffer *classes, float *to, int64_t draws) noexcept nogil:
        cdef double p[CHUNK]
        cdef double x, t = draws
        cdef int64_t begin = 0, i, n
        while begin < classes.size:
            n = min(CHUNK, classes.size - begin)
            self.probabilities(int64s(classes) + begin, p, n)
            if not self.unique:
                for i in range(n):
                    to[begin + i] = <float> (p[i] * t)
            else:
                for i in range(n):                 # -expm1(x); of a small x the digits that 1 - exp(x) would lose are in x itself
                    x = t * log1p64(-p[i])
                    to[begin + i] = <float> (1 - exp64(x) if x < -1e-5 else -x * (1 + 0.5 * x))
            begin += n


cdef class UniformCandidateSampler(CandidateSampler):
    """Every class alike."""
    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        cdef uint64_t rest
        return <int64_t> scaled(bits, self.range, &rest)

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(n):
            p[i] = 1.0 / self.range


cdef class LogUniformCandidateSampler(CandidateSampler):
    """P(class) = (log(class + 2) - log(class + 1)) / log(range + 1), which falls nearly as 1 / class (Zipf)."""
    cdef double width

    def __init__(self, attrs):
        CandidateSampler.__init__(self, attrs)
        self.width = log(self.range + 1)

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        cdef int64_t value = <int64_t> exp(unit(bits) * self.width) - 1
        return min(value, self.range - 1)              # rounding may lift it to the range itself

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        cdef double inverse = 1 / self.width
        for i in range(n):
            p[i] = log1p64(1.0 / <double> (classes[i] + 1)) * inverse


cdef class FixedUnigramCandidateSampler(CandidateSampler):
    """P(class) in proportion to its count to the power `distortion`; reserved classes, the first, are never drawn."""
    cdef AliasTable table

    @staticmethod
    def make_table(attrs):
        """One for all plans of a session; InvalidArgumentError if the counts are not as many as the range has classes."""
        counts = read_counts(attrs["vocab_file"]) if attrs["vocab_file"] else attrs["unigrams"]
        weights = np.power(np.asarray(counts, np.float64), attrs["distortion"])
        weights = np.concatenate([np.zeros(attrs["num_reserved_ids"]), weights])[attrs["shard"]::attrs["num_shards"]]
        if len(weights) != attrs["range_max"]:
            raise InvalidArgumentError(None, None, f"range_max is {attrs['range_max']}, and there are {len(weights)} classes, the reserved ones counted")
        table = AliasTable(weights)
        if attrs["unique"] and table.positive < attrs["num_sampled"]:
            raise InvalidArgumentError(None, None, f"num_sampled is {attrs['num_sampled']}, and only {table.positive} classes have a positive weight: "
                                       "there are not so many unique ones")
        return table

    def __init__(self, attrs):
        CandidateSampler.__init__(self, attrs)
        self.table = attrs["_table"]

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        return self.table.pick(bits)

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(n):
            p[i] = self.table.probability[classes[i]]


def read_counts(path):
    """The last field of every line of a file of lines 'word,count'."""
    try:
        with open(path, encoding="utf-8") as lines:
            return [float(line.rpartition(",")[2]) for line in lines if line.strip()]
    except FileNotFoundError:
        raise NotFoundError(None, None, f"vocab_file {path} does not exist") from None
    except ValueError as error:
        raise InvalidArgumentError(None, None, f"vocab_file {path}: a line must end in a count, {error}") from None


cdef class LearnedUnigramCandidateSampler(CandidateSampler):
    """P(class) in proportion to 1 + how often it was a true class in earlier runs of this op in the session."""
    cdef CountTree table

    @staticmethod
    def make_table(attrs):
        return CountTree("counts", attrs["range_max"])

    def __init__(self, attrs):
        CandidateSampler.__init__(self, attrs)
        self.table = attrs["_table"]

    cdef int run(self) except -1 nogil:
        cdef int64_t i
        self.table.lock()
        try:
            CandidateSampler.run(self)
            for i in range(self.inputs[0].size):
                self.table.count(int64s(self.inputs[0])[i])
        finally:
            self.table.unlock()
        return 0

    cdef int64_t pick(self, uint64_t bits) noexcept nogil:
        return self.table.pick(bits)

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(n):
            p[i] = <double> self.table.sums[self.table.leaves + classes[i]] / self.table.sums[1]


cdef class AllCandidateSampler(CandidateSampler):
    """All classes, 0 to num_sampled - 1, each expected once."""
    def __init__(self, attrs):
        CandidateSampler.__init__(self, {**attrs, "unique": False})        # nothing is drawn that might be refused

    cdef int64_t sample(self, int64_t *to) except -1 nogil:
        cdef int64_t i
        for i in range(self.num_sampled):
            to[i] = i
        return self.num_sampled

    cdef void probabilities(self, const int64_t *classes, double *p, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(n):
            p[i] = 1.0 / self.num_sampled


cdef class ComputeAccidentalHits(Kernel):
    """inputs (true_classes [batch, num_true], sampled [n]); outputs (row, place among the sampled, -FLT_MAX) of each pair of equal ones."""
    cdef int64_t num_true
    cdef IndexSet places

    def __init__(self, attrs):
        self.num_true = attrs["num_true"]

    def prepare(self):
        self.places = IndexSet(self.inputs[1].size)

    cdef int run(self) except -1 nogil:
        cdef Buffer *true_classes = self.inputs[0]
        cdef Buffer *sampled = self.inputs[1]
        cdef int64_t i, hits = 0
        cdef int32_t place
        self.places.clear()
        for i in range(sampled.size - 1, -1, -1):      # the last first, so that chains run upwards
            self.places.put(int64s(sampled)[i], <int32_t> i)
        for i in range(true_classes.size):
            place = self.first_place(int64s(true_classes)[i])
            while place:
                hits += 1
                place = self.places.next[place - 1]
        for i in range(3):
            allocate(self.outputs[i], 1, &hits)
        hits = 0
        for i in range(true_classes.size):
            place = self.first_place(int64s(true_classes)[i])
            while place:
                int32s(self.outputs[0])[hits] = <int32_t> (i // self.num_true)
                int64s(self.outputs[1])[hits] = place - 1
                float32s(self.outputs[2])[hits] = -FLT_MAX
                hits += 1
                place = self.places.next[place - 1]
        return 0

    cdef int32_t first_place(self, int64_t value) noexcept nogil:
        return self.places.first[self.places.slot(value)]


for kernel in (UniformCandidateSampler, LogUniformCandidateSampler, FixedUnigramCandidateSampler, LearnedUnigramCandidateSampler, AllCandidateSampler,
               ComputeAccidentalHits):
    register_kernel(kernel.__name__)(kernel)
