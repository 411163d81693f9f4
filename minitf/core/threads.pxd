"""Mutexes, conditions and a clock that need no GIL, over pthreads."""

cdef extern from *:
    """
    #ifndef MINITF_THREADS
    #define MINITF_THREADS
    #include <errno.h>
    #include <pthread.h>
    #include <stdlib.h>
    #include <time.h>
    static inline void *new_mutex(void) {
        pthread_mutex_t *m = (pthread_mutex_t *) malloc(sizeof *m); if (m) pthread_mutex_init(m, NULL); return m; }
    static inline void *new_condition(void) {
        pthread_cond_t *c = (pthread_cond_t *) malloc(sizeof *c); if (c) pthread_cond_init(c, NULL); return c; }
    static inline void free_mutex(void *m) { if (m) { pthread_mutex_destroy((pthread_mutex_t *) m); free(m); } }
    static inline void free_condition(void *c) { if (c) { pthread_cond_destroy((pthread_cond_t *) c); free(c); } }
    static inline void lock(void *m) { pthread_mutex_lock((pthread_mutex_t *) m); }
    static inline void unlock(void *m) { pthread_mutex_unlock((pthread_mutex_t *) m); }
    static inline void signal_one(void *c) { pthread_cond_signal((pthread_cond_t *) c); }
    static inline void wait_for(void *c, void *m) { pthread_cond_wait((pthread_cond_t *) c, (pthread_mutex_t *) m); }
    static inline int wait_until(void *c, void *m, double seconds) {        /* whether the time has passed */
        struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
        double end = (double) t.tv_sec + t.tv_nsec * 1e-9 + seconds;
        t.tv_sec = (time_t) end; t.tv_nsec = (long) ((end - (double) t.tv_sec) * 1e9);
        return pthread_cond_timedwait((pthread_cond_t *) c, (pthread_mutex_t *) m, &t) == ETIMEDOUT; }
    static inline long long nanoseconds(void) {
        struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
    #endif
    """
    void *new_mutex() nogil
    void *new_condition() nogil
    void free_mutex(void *) nogil
    void free_condition(void *) nogil
    void lock(void *) nogil
    void unlock(void *) nogil
    void signal_one(void *condition) nogil
    void wait_for(void *condition, void *mutex) nogil
    int wait_until(void *condition, void *mutex, double seconds) nogil
    long long nanoseconds() nogil             # on the clock of Python's time.monotonic_ns()
