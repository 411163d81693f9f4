"""Queues: state that steps fill and empty, and wait for (waiting.pyx).

An element is a tuple of tensors, held by reference.  Enqueues and closes stand in one line and dequeues in another, each served in the order of
arrival: a close comes behind the enqueues that were there before it.  A dequeue of several elements takes what there is and waits for the rest;
where the rest can not come any more, or the dequeue is cancelled, what it has taken is put back where it was.
"""
from cython cimport no_gc_clear
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from .buffers cimport Buffer, MAX_RANK, release, retain
from .waiting cimport DONE, PARK, SENT_AWAY, Attempt, Waitable

from .errors import InvalidArgumentError, ResourceExhaustedError
from .resources import random_key

UNLIMITED = (1 << 31) - 1

cdef enum:
    KEPT = 1024                  # elements that an attempt keeps room for

cdef extern from *:
    """
    static inline uint64_t below(uint64_t *state, uint64_t n) {        /* splitmix64, scaled */
        uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        z ^= z >> 31;
        return (uint64_t) (((unsigned __int128) z * n) >> 64);
    }
    """
    uint64_t below(uint64_t *, uint64_t) nogil


cdef class QueueState(Waitable):
    """QueueState(name, op_type, attrs): a FIFOQueue or PaddingFIFOQueue; the subclasses differ in what take() takes."""

    def __init__(self, str name, str kind, attrs):
        cdef Py_ssize_t i, d
        self.kind, self.attrs = kind, attrs
        self.capacity = attrs["capacity"] if attrs["capacity"] >= 0 else UNLIMITED
        self.dtypes, self.shapes = self.components(attrs)
        self.width, self.keeps_batches = len(self.dtypes), True
        if self.shapes is not None and len(self.shapes) != self.width:
            raise InvalidArgumentError(None, None, f"{kind} '{name}' has {self.width} component types and {len(self.shapes)} shapes")
        if self.shapes is not None:
            self.limits = <Buffer *> calloc(self.width + 1, sizeof(Buffer))
            if self.limits == NULL:
                raise MemoryError()
            for i, shape in enumerate(self.shapes):
                self.limits[i].rank = -1 if shape.ndims is None else shape.ndims
                for d in range(self.limits[i].rank):
                    self.limits[i].shape[d] = -1 if shape.tuple[d] is None else shape.tuple[d]

    @staticmethod
    def components(attrs):
        """(dtypes, shapes or None) of an element."""
        return attrs["component_types"], attrs["shapes"] or None

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.room * self.width):
            release(self.slots[i].storage)               # slots without an element have none
        free(self.slots)
        free(self.limits)

    def check_same(self, str op_type, attrs, op):
        """InvalidArgumentError unless a handle with these attributes may stand for this queue: one shared by its name."""
        where = f"Shared queue '{self.name}'"
        dtypes, shapes = self.components(attrs) if op_type == self.kind else (None, None)
        capacity = attrs.get("capacity", -1)
        if op_type != self.kind:
            found = f"has type '{self.kind}' that does not match type of Node '{op.name if op is not None else self.name}': {op_type}"
        elif (capacity if capacity >= 0 else UNLIMITED) != self.capacity:
            found = f"has capacity {self.attrs['capacity']} but requested capacity was {capacity}"
        elif dtypes != self.dtypes:
            found = (f"has component types [{', '.join(d.name for d in self.dtypes)}] "
                     f"but requested component types were [{', '.join(d.name for d in dtypes)}]")
        elif [s.tuple for s in shapes or ()] != [s.tuple for s in self.shapes or ()]:
            found = f"has component shapes {_shown(self.shapes)} but requested component shapes were {_shown(shapes)}"
        elif attrs.get("min_after_dequeue") != self.attrs.get("min_after_dequeue"):
            found = f"has min_after_dequeue {self.attrs['min_after_dequeue']} but requested min_after_dequeue was {attrs['min_after_dequeue']}"
        elif (attrs.get("seed"), attrs.get("seed2")) != (self.attrs.get("seed"), self.attrs.get("seed2")):
            found = (f"has random seeds ({self.attrs['seed']}, {self.attrs['seed2']}) but requested seeds are ({attrs['seed']}, {attrs['seed2']})")
        else:
            return
        raise InvalidArgumentError(None, op, f"{where} {found}.")

    # ---- elements ---------------------------------------------------------------------------------------------------------

    cdef bint is_full(self) noexcept nogil:
        return self.count >= self.capacity

    cdef int reserve(self) noexcept nogil:
        """Room for one element more, and for all that may be put back: so that this never fails."""
        if self.count + self.held < self.room:
            return DONE
        return self.grow(2 * self.room + 16)

    cdef int grow(self, Py_ssize_t room) noexcept nogil:
        cdef Buffer *slots = <Buffer *> calloc(room * self.width, sizeof(Buffer))
        cdef Py_ssize_t first = min(self.count, self.room - self.head)
        if slots == NULL:
            return NO_MEMORY
        if self.room:
            memcpy(slots, &self.slots[self.head * self.width], first * self.width * sizeof(Buffer))
            memcpy(&slots[first * self.width], self.slots, (self.count - first) * self.width * sizeof(Buffer))
        free(self.slots)
        self.slots, self.room, self.head = slots, room, 0
        return DONE

    cdef int put(self, Buffer *element) noexcept nogil:
        """Add an element, whose references move here."""
        if self.reserve() != DONE:
            return NO_MEMORY
        move(&self.slots[(self.head + self.count) % self.room * self.width], element, self.width)
        self.count += 1
        return DONE

    cdef void take(self, Buffer *element) noexcept nogil:
        move(element, &self.slots[self.head * self.width], self.width)
        self.head = (self.head + 1) % self.room
        self.count -= 1

    cdef void put_back(self, Buffer *element) noexcept nogil:
        self.head = (self.head + self.room - 1) % self.room
        move(&self.slots[self.head * self.width], element, self.width)
        self.count += 1

    cdef void close_now(self) noexcept nogil:
        self.lock()
        self.closed = True
        self.changes += 1
        while self.first[BRING] != NULL:
            (<Attempt> self.first[BRING]).give_back()
            self.leave(self.first[BRING], SENT_AWAY)
        self.serve()
        self.unlock()

    # ---- for people -------------------------------------------------------------------------------------------------------

    @property
    def size(self):
        return self.count

    @property
    def is_closed(self):
        return bool(self.closed)

    def __repr__(self):
        most = self.capacity if self.capacity < UNLIMITED else "any number of"
        return f"<{self.kind} '{self.name}': {self.count} of {most} elements{', closed' if self.closed else ''}>"


cdef void move(Buffer *target, Buffer *source, Py_ssize_t width) noexcept nogil:
    """The tensors of an element, with the references to their storages."""
    cdef Py_ssize_t i
    memcpy(target, source, width * sizeof(Buffer))
    for i in range(width):
        source[i].storage = NULL


def _shown(shapes):
    return "[" + ", ".join(str(s) for s in shapes or ()) + "]"


cdef class RandomShuffleState(QueueState):
    """take() takes any element, and the last one goes to its place.  With a seed, the same calls in the same order take the same."""

    def __init__(self, str name, str kind, attrs):
        QueueState.__init__(self, name, kind, attrs)
        least, capacity = attrs["min_after_dequeue"], attrs["capacity"]
        if least < 0:
            raise InvalidArgumentError(None, None, f"min_after_dequeue {least} must be >= 0")
        if 0 <= capacity <= least:
            raise InvalidArgumentError(None, None, f"min_after_dequeue {least} must be < capacity {capacity}")
        self.floor, self.keeps_batches = least, False
        self.state = random_key(attrs["seed"], attrs["seed2"])

    cdef void take(self, Buffer *element) noexcept nogil:
        cdef Py_ssize_t chosen = below(&self.state, self.count)
        self.count -= 1
        move(element, &self.slots[chosen * self.width], self.width)
        if chosen < self.count:
            move(&self.slots[chosen * self.width], &self.slots[self.count * self.width], self.width)

    cdef void put_back(self, Buffer *element) noexcept nogil:
        move(&self.slots[self.count * self.width], element, self.width)
        self.count += 1


cdef class PriorityState(QueueState):
    """take() takes the element whose first tensor, an int64, is least; among equals, the one that came first.  A binary heap."""

    def __init__(self, str name, str kind, attrs):
        QueueState.__init__(self, name, kind, attrs)
        self.keeps_batches, self.by_priority = False, True

    @staticmethod
    def components(attrs):
        from .dtypes import int64
        from .shapes import TensorShape
        return (int64, *attrs["component_types"]), (TensorShape([]), *attrs["shapes"]) if attrs["shapes"] else None

    def __dealloc__(self):
        free(self.heap)

    cdef int grow(self, Py_ssize_t room) noexcept nogil:
        cdef Py_ssize_t i
        cdef Place *heap = <Place *> realloc(self.heap, room * sizeof(Place))
        cdef Buffer *slots
        if heap == NULL:
            return NO_MEMORY
        self.heap = heap
        slots = <Buffer *> realloc(self.slots, room * self.width * sizeof(Buffer))
        if slots == NULL:
            return NO_MEMORY
        memset(&slots[self.room * self.width], 0, (room - self.room) * self.width * sizeof(Buffer))
        for i in range(self.room, room):
            heap[i].slot = i
        self.slots, self.room = slots, room
        return DONE

    cdef int put(self, Buffer *element) noexcept nogil:
        if self.reserve() != DONE:
            return NO_MEMORY
        self.arrivals += 1
        self.insert(element, self.arrivals)
        return DONE

    cdef void put_back(self, Buffer *element) noexcept nogil:
        self.returns -= 1                                # before all that are there: it was
        self.insert(element, self.returns)

    cdef void insert(self, Buffer *element, int64_t arrival) noexcept nogil:
        cdef Py_ssize_t at = self.count, above
        cdef Place new = self.heap[at]
        new.priority, new.arrival = (<int64_t *> element[0].data)[0], arrival
        move(&self.slots[new.slot * self.width], element, self.width)
        self.count += 1
        while at > 0:
            above = (at - 1) // 2
            if not comes_before(&new, &self.heap[above]):
                break
            self.heap[at] = self.heap[above]
            at = above
        self.heap[at] = new

    cdef void take(self, Buffer *element) noexcept nogil:
        cdef Place first = self.heap[0], last
        cdef Py_ssize_t at = 0, below_it
        move(element, &self.slots[first.slot * self.width], self.width)
        self.count -= 1
        last = self.heap[self.count]
        while 2 * at + 1 < self.count:
            below_it = 2 * at + 1
            if below_it + 1 < self.count and comes_before(&self.heap[below_it + 1], &self.heap[below_it]):
                below_it += 1
            if not comes_before(&self.heap[below_it], &last):
                break
            self.heap[at] = self.heap[below_it]
            at = below_it
        self.heap[at] = last
        self.heap[self.count] = first                    # its slot is free


cdef bint comes_before(Place *a, Place *b) noexcept nogil:
    return a.priority < b.priority or a.priority == b.priority and a.arrival < b.arrival


# ---- attempts -----------------------------------------------------------------------------------------------------------------


@no_gc_clear
cdef class Elements(Attempt):
    def __cinit__(self, QueueState queue, *args):
        self.resource = self.queue = queue

    def __dealloc__(self):
        self.drop()
        free(self.tensors)

    cdef int expect(self, Py_ssize_t count) except -1 nogil:
        """Room for so many elements, none of which is there yet."""
        cdef Py_ssize_t width = self.queue.width
        cdef Buffer *tensors
        if count > self.room:
            tensors = <Buffer *> realloc(self.tensors, count * width * sizeof(Buffer))
            if tensors == NULL:
                with gil:
                    raise ResourceExhaustedError(None, None, f"OOM: no memory for {count} elements of {self.queue.name}")
            memset(&tensors[self.room * width], 0, (count - self.room) * width * sizeof(Buffer))
            self.tensors, self.room = tensors, count
        self.count, self.done = count, 0
        return 0

    cdef void drop(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.room * self.queue.width):
            release(self.tensors[i].storage)
            self.tensors[i].storage = NULL
        if self.room > KEPT:                             # a whole data set, most likely, and but once
            free(self.tensors)
            self.tensors, self.room = NULL, 0


cdef class Enqueue(Elements):
    """Enqueue(queue): puts `count` elements in, one by one, as there is room."""

    def __cinit__(self, QueueState queue):
        self.line = BRING

    cdef int go_on(self) noexcept nogil:
        if self.queue.closed:
            return IS_CLOSED
        while self.done < self.count and not self.queue.is_full():
            if self.queue.put(&self.tensors[self.done * self.queue.width]) != DONE:
                return NO_MEMORY
            self.done += 1
            self.queue.changes += 1
        return DONE if self.done == self.count else PARK


cdef class Dequeue(Elements):
    """Dequeue(queue, up_to): takes `count` elements; with up_to, what is left once the queue is closed."""

    def __cinit__(self, QueueState queue, bint up_to=False):
        self.line, self.up_to = FETCH, up_to

    cdef int go_on(self) noexcept nogil:
        cdef Py_ssize_t floor = 0 if self.queue.closed else self.queue.floor
        if self.queue.closed and self.queue.count + self.done < self.count:
            self.give_back()
            self.found = self.queue.count
            if not self.up_to or not self.found:
                return TOO_FEW
            self.count = self.found
        while self.done < self.count and self.queue.count > floor:
            self.queue.take(&self.tensors[self.done * self.queue.width])
            self.queue.held += 1
            self.done += 1
            self.queue.changes += 1
        if self.done < self.count:
            return PARK
        self.queue.held -= self.done
        return DONE

    cdef void give_back(self) noexcept nogil:
        while self.done:
            self.done -= 1
            self.queue.held -= 1
            self.queue.put_back(&self.tensors[self.done * self.queue.width])


@no_gc_clear
cdef class Close(Attempt):
    """Close(queue): comes behind the enqueues that wait already, and before those that come later."""

    def __cinit__(self, QueueState queue):
        self.resource = self.queue = queue
        self.line = BRING

    cdef int go_on(self) noexcept nogil:
        if self.queue.closed:
            return IS_CLOSED
        self.queue.closed = True
        self.queue.changes += 1
        return DONE
