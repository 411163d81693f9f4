"""Executable: the path of a Session.run that was prepared before.

One per (fetches, feeds).  It takes the callers' arrays where they lie, compares their shapes in C with those of the plans it has, and
runs a free step of the plan that fits.
"""
from collections.abc import Mapping

cimport numpy as np

from minitf.core.buffers cimport typenum_of
from minitf.session.executor cimport Step

np.import_array()

cdef enum:
    NO_TYPE = -1              # of a feed that is never taken as it is: text must be encoded

KEEP_VARIANTS = 64            # sets of feed shapes whose plans are kept per executable; the oldest goes first
LARGE = 16 << 20              # bytes of memory that a step of a plan keeps for the next only once there has been a second: initializers run once


cdef class Variant:
    """The program specialised on one set of feed shapes: its plans, and the steps that are free to run them."""
    cdef readonly tuple shapes            # of the feeds
    cdef readonly list plans
    cdef readonly list keys               # of the transfers between devices
    cdef readonly object program
    cdef list free_steps
    cdef list steps                       # all that were made
    cdef bint is_kept                     # whether a step that has run is kept for the next

    def __init__(self, shapes, plans, keys, program):
        self.shapes, self.plans, self.keys, self.program, self.free_steps, self.steps = shapes, plans, keys, program, [], []
        sent = sum(b.nbytes for plan in plans for b in plan.buffers if b.kind == "sent") if len(plans) > 1 else 0
        self.is_kept = sent + sum(plan.arena_bytes for plan in plans) < LARGE


cdef class Watch:
    """Compares, in every run, the length of a graph's list of operations with that of the run before; a subclass has seen(), called if it grew.

    times: what seen() counts; the first run without growth makes it 0.
    """
    cdef readonly list operations
    cdef public Py_ssize_t version
    cdef public int times

    def __init__(self, list operations):
        self.operations, self.version, self.times = operations, len(operations), 0


cdef class Executable:
    """Executable(feeds, indices, context): indices has, per fetch, its number among the fetched tensors, or None for an operation.

    context: prepare(executable, shapes) -> Variant; array_of(tensor, value) -> array, for values that do not fit as they are.
    """
    cdef readonly list feeds
    cdef readonly tuple fetches
    cdef list indices
    cdef readonly object done             # operations that an earlier part of a partial run has run
    cdef readonly bint single             # one fetch, not in a list
    cdef Py_ssize_t n_results
    cdef readonly object context
    cdef list typenums
    cdef list scalars                     # NumPy's scalar types of the feeds
    cdef readonly list variants
    cdef Variant last
    cdef Watch watch

    def __init__(self, fetches, feeds, single, context, done=()):
        self.fetches, self.feeds, self.single, self.context, self.done = tuple(fetches), list(feeds), single, context, done
        self.n_results = 0
        self.indices = []
        for f in self.fetches:
            if hasattr(f, "value_index"):
                self.indices.append(self.n_results)
                self.n_results += 1
            else:
                self.indices.append(None)
        self.typenums = [NO_TYPE if t.dtype.holds_objects else typenum_of(t.dtype.base_dtype.as_datatype_enum) for t in feeds]
        self.scalars = [t.dtype.base_dtype.as_numpy_dtype for t in feeds]
        self.variants, self.last = [], None
        self.watch = getattr(context, "watch", None)

    def run(self, feed_dict, double timeout, tracer=None):
        """feed_dict: values in the order of the feeds.  tracer(step) is called at the end of the step, which is then traced."""
        cdef list arrays = []
        cdef list results
        cdef Py_ssize_t i = 0
        cdef np.ndarray array
        cdef Step step
        cdef Variant variant
        if self.watch is not None:
            if len(self.watch.operations) != self.watch.version:
                self.watch.seen()
            elif self.watch.times:
                self.watch.times = 0
        if feed_dict:
            for value in (<dict?> feed_dict if type(feed_dict) is dict else as_dict(feed_dict)).values():
                if np.PyArray_Check(value) and np.PyArray_TYPE(<np.ndarray> value) == <int> self.typenums[i] and np.PyArray_ISCARRAY_RO(<np.ndarray> value):
                    arrays.append(value)
                elif type(value) is self.scalars[i]:
                    arrays.append(np.PyArray_FROM_O(value))
                else:
                    arrays.append(self.context.array_of(self.feeds[i], value))
                i += 1
        variant = self.last
        if variant is None or not fits(variant.shapes, arrays):
            variant = self.variant_for(arrays)
        # a list's pop and append are atomic, so two threads never get one step
        step = <Step> variant.free_steps.pop() if variant.free_steps else None
        if step is None:
            step = Step(variant.plans, variant.keys, self.context)
            variant.steps.append(step)
        try:
            if tracer is not None:
                step.trace(tracer)
            results = step.run(arrays, self.n_results, timeout)
        finally:
            if tracer is not None:
                step.trace(None)
            if not variant.is_kept:
                variant.is_kept = True
                variant.steps.remove(step)
                if step.is_free:
                    step.discard()
            elif step.is_free:
                variant.free_steps.append(step)
        if self.single:
            return results[0] if results else None
        if self.n_results == len(self.indices):
            return results
        return [None if k is None else results[<Py_ssize_t> k] for k in self.indices]

    cdef Variant variant_for(self, list arrays):
        cdef Variant variant
        for variant in self.variants:
            if fits(variant.shapes, arrays):
                self.last = variant
                return variant
        variant = self.context.prepare(self, tuple([array.shape for array in arrays]))
        if len(self.variants) > KEEP_VARIANTS:
            self.variants.remove(self.variants[0] if self.variants[0] is not variant else self.variants[1])
        self.last = variant
        return variant

    def cancel(self):
        """End the steps that run now, each with a CancelledError.  None may begin after this."""
        cdef Variant variant
        for variant in list(self.variants):
            for step in list(variant.steps):
                if step not in variant.free_steps:
                    step.cancel()

    def forget(self, Variant variant):
        """Prepare it again when its feeds' shapes next come; steps that run it now go on."""
        if variant in self.variants:
            self.variants.remove(variant)
        if self.last is variant:
            self.last = None

    def variant(self, feed_dict):
        """The Variant for these feeds, prepared if need be, but not run."""
        return self.variant_for([self.context.array_of(t, v) for t, v in zip(self.feeds, feed_dict.values())])


cdef dict as_dict(feed_dict):
    if not isinstance(feed_dict, Mapping):
        raise TypeError(f"feed_dict must be a dictionary of tensors and values, got {type(feed_dict).__name__}")
    return dict(feed_dict)


cdef bint fits(tuple shapes, list arrays):
    cdef Py_ssize_t i, d
    cdef np.ndarray array
    cdef tuple shape
    for i in range(len(arrays)):
        array = <np.ndarray> arrays[i]
        shape = <tuple> shapes[i]
        if np.PyArray_NDIM(array) != len(shape):
            return False
        for d in range(len(shape)):
            if np.PyArray_DIM(array, d) != <Py_ssize_t> shape[d]:
                return False
    return True
