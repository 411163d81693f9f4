// When queued work happens.  A stream is a queue of tasks; FAKE_GPU_ORDER says who takes them out:
//
//   eager    each task at once, by the thread that queues it: what a program sees that is always lucky
//   lazy     no task before somebody waits for it: what a program sees whose GPU is always late.  Whatever is read, overwritten or given away
//            without a wait is wrong, every time
//   a number each stream has a thread, which rests before some tasks for a time drawn with this seed
//
// The contract.  One mutex guards all streams, events and devices; work runs without it, one task of a stream at a time.  A Mark is a place in
// a stream: it is reached when all tasks before it are done, and a mark once taken does not move.  Waiting for a mark ends after WAIT seconds with
// a message that names what was waited for.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

typedef std::unique_lock<std::mutex> Lock;
const int WAIT = 60;                   // seconds

// Never taken apart: threads of streams may outlive main().
inline std::mutex &all = *new std::mutex;
inline std::condition_variable &moved = *new std::condition_variable;

struct Device;
struct Stream;
struct Mark {
    Stream *stream = nullptr;
    uint64_t position = 0;
    bool reached() const;
};

struct Task {
    std::string what;
    std::function<std::string()> work;  // returns what went wrong, or ""
    Mark after;
};

struct Stream {
    Device *device;
    unsigned number;
    bool waits_for_default;             // not made with CU_STREAM_NON_BLOCKING
    bool busy = false, closed = false;
    std::deque<Task> tasks;
    uint64_t queued = 0, done = 0;
    Mark end() { return {this, queued}; }
};

inline bool Mark::reached() const { return !stream || stream->done >= position; }

std::string &fault_of(Device *);        // what broke the device, or ""
void broken(Device *, const std::string &);

enum Order { EAGER, LAZY, THREADS };
inline Order order() {
    static const char *text = getenv("FAKE_GPU_ORDER");
    return !text || !strcmp(text, "eager") ? EAGER : !strcmp(text, "lazy") ? LAZY : THREADS;
}

// Do the first task of a stream.  The lock is held at the call and at the return, not while the task runs.
inline void run_first(Stream &s, Lock &lock) {
    Task task = std::move(s.tasks.front());
    s.tasks.pop_front();
    s.busy = true;
    if (fault_of(s.device).empty()) {
        lock.unlock();
        std::string wrong = task.work ? task.work() : "";
        lock.lock();
        if (!wrong.empty()) broken(s.device, wrong);
    }
    s.busy = false;
    s.done++;
    moved.notify_all();
}

// Do one task of the stream, or of one that it waits for.  False: another thread is at it.
inline bool advance(Stream &s, Lock &lock) {
    if (s.busy || s.tasks.empty()) return false;
    Mark after = s.tasks.front().after;
    if (!after.reached()) return advance(*after.stream, lock);
    run_first(s, lock);
    return true;
}

// Until the mark is reached.  False: it was not, in WAIT seconds.
inline bool finish(Mark mark, Lock &lock) {
    auto late = std::chrono::steady_clock::now() + std::chrono::seconds(WAIT);
    while (!mark.reached()) {
        if (order() != THREADS && advance(*mark.stream, lock)) continue;
        if (moved.wait_until(lock, late) == std::cv_status::timeout && !mark.reached()) {
            Stream &s = *mark.stream;
            fprintf(stderr, "fake driver: waited %d s for task %llu of stream %u, which is at %llu: %s\n", WAIT, (unsigned long long)mark.position,
                    s.number, (unsigned long long)s.done, s.tasks.empty() ? "(running)" : s.tasks.front().what.c_str());
            return false;
        }
    }
    return true;
}

// The thread of a stream, in the order of a seed.
inline void serve(Stream *s) {
    static const unsigned seed = unsigned(atol(getenv("FAKE_GPU_ORDER")));
    std::mt19937 random(seed * 7919u + s->number);
    Lock lock(all);
    for (;;) {
        while (!(s->closed && s->tasks.empty()) && (s->tasks.empty() || !s->tasks.front().after.reached())) moved.wait(lock);
        if (s->tasks.empty()) return;
        unsigned drawn = random() % 16, rest = drawn == 0 ? 3000 : drawn < 6 ? random() % 200 : 0;     // microseconds
        if (rest) {
            lock.unlock();
            std::this_thread::sleep_for(std::chrono::microseconds(rest));
            lock.lock();
        }
        run_first(*s, lock);
    }
}

inline void enqueue(Stream &s, Lock &lock, std::string what, std::function<std::string()> work, Mark after = {}) {
    s.tasks.push_back({std::move(what), std::move(work), after});
    s.queued++;
    moved.notify_all();
    if (order() == EAGER) finish(s.end(), lock);
}
