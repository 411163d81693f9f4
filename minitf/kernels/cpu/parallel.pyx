"""parallel_for: one loop on several threads, and the few threads that the process keeps for it.

The threads are started by the first loop that is large enough.  Behind a loop each looks out for the next for some 40 microseconds and then
sleeps.  Only one loop at a time has them: a loop that finds them taken (by another device's thread, or because it is itself part
of a loop) runs on its own thread, so there are never more threads at work than asked for.

Every thread begins with a share of its own, always the same for the same loop, so that what it left in its core's cache is there when
the next kernel reads it; then it helps with what is left of the others'.  So nobody waits for a thread that has not woken up yet.

Why not OpenMP: measured with gcc's on two cores, its threads spin for 6 ms of processor time behind each loop (or, told not to, take
9 us to begin one), and a loop in the child of a fork never ends.
"""
import os

from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free

from .kernel cimport flush_denormals, restore_denormals

cdef extern from *:
    """
    #include <pthread.h>
    #include <signal.h>
    #include <stdint.h>
    #define load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
    #define store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
    #define add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
    #define replace(p, old, new) __sync_bool_compare_and_swap((p), (old), (new))
    #if defined(__x86_64__)
    #define relax() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define relax() __asm__ volatile("yield")
    #else
    #define relax() ((void) 0)
    #endif
    static __thread int allowed;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t work = PTHREAD_COND_INITIALIZER, rest = PTHREAD_COND_INITIALIZER;
    static void renew_locks(void) {
        pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; pthread_cond_t c = PTHREAD_COND_INITIALIZER;
        mutex = m; work = rest = c; }
    /* Signals are for Python's main thread: these threads take none. */
    static int new_thread(void *(*run)(void *), intptr_t number) {
        pthread_t thread; sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int failed = pthread_create(&thread, NULL, run, (void *) number);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (!failed) pthread_detach(thread);
        return failed; }
    """
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass
    int allowed                        # how many threads the kernels of this thread may use; 0: the default
    pthread_mutex_t mutex
    pthread_cond_t work                # there is a loop to help with
    pthread_cond_t rest                # the last helper has left
    int64_t load(int64_t *) nogil
    void store(int64_t *, int64_t) nogil
    int64_t add(int64_t *, int64_t) nogil
    bint replace(int64_t *, int64_t, int64_t) nogil
    void relax() nogil
    void renew_locks() nogil
    int new_thread(void *(*)(void *) noexcept nogil, intptr_t) nogil
    int pthread_mutex_lock(pthread_mutex_t *) nogil
    int pthread_mutex_unlock(pthread_mutex_t *) nogil
    int pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *) nogil
    int pthread_cond_signal(pthread_cond_t *) nogil
    int pthread_cond_broadcast(pthread_cond_t *) nogil
    int pthread_atfork(void (*)() noexcept nogil, void (*)() noexcept nogil, void (*)() noexcept nogil) nogil

cdef enum:
    MOST = 64                          # threads of a loop
    PARTS = 4                          # ranges of a share: what a late or disturbed thread leaves, others can take
    LOOKS = 2000                       # how often a helper looks for the next loop before it sleeps
    OPEN = 1 << 8                      # helpers may enter
    SERIAL = 1 << 9                    # from one loop to the next

cdef struct Share:                     # a cache line each
    int64_t next                       # grains
    int64_t end
    int64_t padding[6]

# The current loop.  Helpers read it only between entering and leaving.
cdef Share shares[MOST]
cdef Body body
cdef void *data
cdef Py_ssize_t size, grain, at_once
cdef int n_shares
cdef unsigned mode                     # of the caller's arithmetic

cdef int64_t state = 0                 # of the loop: its serial number, whether it is OPEN, and how many helpers are inside
cdef int64_t taken = 0                 # whether a loop has the helpers
cdef int64_t asleep = 0
cdef int64_t awaited = 0               # whether the caller sleeps until the helpers have left
cdef int64_t started = 0
cdef int default_threads = 1


cdef int use_threads(int n) noexcept nogil:
    global allowed
    cdef int before = allowed
    allowed = n
    return before


cdef int threads_at_most() noexcept nogil:
    return min(allowed if allowed else default_threads, MOST)


cdef void parallel_for(Body function, void *argument, Py_ssize_t n, Py_ssize_t least) noexcept nogil:
    cdef Py_ssize_t grains
    cdef int threads = threads_at_most()
    if n <= least or threads < 2 or not replace(&taken, 0, 1):
        if n > 0:
            function(argument, 0, n)
        return
    grains = (n + least - 1) // least
    if threads > grains:
        threads = <int> grains
    start_helpers(threads - 1)
    open_loop(function, argument, n, least, grains, threads)
    take_part(0)
    close_loop()
    store(&taken, 0)


cdef void start_helpers(int n) noexcept nogil:
    while started < n and not new_thread(help_out, started + 1):
        add(&started, 1)


cdef void open_loop(Body function, void *argument, Py_ssize_t n, Py_ssize_t least, Py_ssize_t grains, int threads) noexcept nogil:
    global body, data, size, grain, at_once, n_shares, mode
    cdef int i
    body, data, size, grain, n_shares = function, argument, n, least, threads
    at_once = (grains + PARTS * threads - 1) // (PARTS * threads)
    mode = flush_denormals()
    restore_denormals(mode)
    for i in range(threads):
        shares[i].next, shares[i].end = i * grains // threads, (i + 1) * grains // threads
    store(&state, state + SERIAL | OPEN)
    if load(&asleep):
        pthread_mutex_lock(&mutex)
        pthread_cond_broadcast(&work)
        pthread_mutex_unlock(&mutex)


cdef void take_part(int own) noexcept nogil:
    """Run ranges of one's own share, then of the others', until all are taken."""
    cdef int i, which
    cdef Share *share
    cdef Py_ssize_t end
    for i in range(n_shares):
        which = own + i if own + i < n_shares else own + i - n_shares
        share = &shares[which]
        while load(&share.next) < share.end:
            end = add(&share.next, at_once)
            if end - at_once < share.end:
                body(data, (end - at_once) * grain, min(min(end, share.end) * grain, size))


cdef void close_loop() noexcept nogil:
    """Let no more helpers in, and wait until those inside have left."""
    cdef int64_t inside = add(&state, -OPEN) % OPEN
    cdef int looks = 0
    while inside and looks < LOOKS:
        relax()
        looks += 1
        inside = load(&state) % OPEN
    if inside:
        pthread_mutex_lock(&mutex)
        store(&awaited, 1)
        while load(&state) % OPEN:
            pthread_cond_wait(&rest, &mutex)
        store(&awaited, 0)
        pthread_mutex_unlock(&mutex)


cdef void *help_out(void *argument) noexcept nogil:
    """What a helper thread does, for ever.  Its number is that of its share; a loop of fewer shares it leaves to others."""
    cdef int number = <int> <intptr_t> argument
    cdef int64_t seen = 0
    cdef unsigned saved = flush_denormals()
    while True:
        seen = next_loop(seen)
        if number < n_shares:
            restore_denormals(mode)
            take_part(number)
            restore_denormals(saved)
        if add(&state, -1) % SERIAL == 0 and load(&awaited):
            pthread_mutex_lock(&mutex)
            pthread_cond_signal(&rest)
            pthread_mutex_unlock(&mutex)


cdef int64_t next_loop(int64_t seen) noexcept nogil:
    """Enter a loop other than the one whose serial number is `seen`; returns its serial number."""
    cdef int looks = 0
    cdef int64_t now
    while True:
        now = load(&state)
        if now & OPEN and now // SERIAL != seen:
            if replace(&state, now, now + 1):
                return now // SERIAL
        elif looks < LOOKS:
            relax()
            looks += 1
        else:
            pthread_mutex_lock(&mutex)
            add(&asleep, 1)
            now = load(&state)
            while not now & OPEN or now // SERIAL == seen:
                pthread_cond_wait(&work, &mutex)
                now = load(&state)
            add(&asleep, -1)
            pthread_mutex_unlock(&mutex)


cdef void forget_helpers() noexcept nogil:
    """In the child of a fork, which has none of the threads."""
    global state, taken, asleep, awaited, started
    state -= state % SERIAL
    taken = asleep = awaited = started = 0
    renew_locks()


def threads_by_default():
    """OMP_NUM_THREADS (its first number, if it lists several), else how many cores this process may use."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if first.isdigit() and int(first):
        return int(first)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(n):
    """use_threads() for the calling Python thread."""
    return use_threads(n)


def threads_started():
    """How many helper threads this process has."""
    return started


cdef struct Range:
    Py_ssize_t end
    size_t thread
    unsigned mode


cdef void note_range(void *ranges, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Range *r = <Range *> ranges + begin
    r.end, r.thread, r.mode = end, <size_t> &allowed, flush_denormals()
    restore_denormals(r.mode)


def ranges(Py_ssize_t n, Py_ssize_t grain):
    """What parallel_for() makes of a loop: (begin, end, what identifies the thread, its floating-point mode) for each range."""
    cdef Range *found = <Range *> calloc(n + 1, sizeof(Range))
    cdef Py_ssize_t i
    if found == NULL:
        raise MemoryError()
    try:
        with nogil:
            parallel_for(note_range, found, n, grain)
        return [(i, found[i].end, found[i].thread, found[i].mode) for i in range(n) if found[i].end]
    finally:
        free(found)


default_threads = threads_by_default()
pthread_atfork(NULL, NULL, forget_helpers)
