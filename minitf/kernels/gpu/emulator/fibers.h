// The threads of a block.  Each has a stack of its own and runs until it has to wait; then the next that can goes on, on the same core.
//
// A switch between two stacks is a handful of instructions.  (Threads of the operating system would need a hundred times as long, and the
// C library's swapcontext twenty times, since it asks the system to change the signal mask.)  Who waits for whom is thus known at any time:
// a barrier that not every thread reaches is told as an error, with the lines at which they wait, and nothing ever hangs.
#pragma once
#include <cstdint>
#include <cstdio>
#include <sys/mman.h>

#ifdef __APPLE__
#define EMULATOR_SYMBOL "_emulator_switch"
#define EMULATOR_LOCAL ".private_extern _emulator_switch\n.weak_definition _emulator_switch\n"
#else
#define EMULATOR_SYMBOL "emulator_switch"
#define EMULATOR_LOCAL ".hidden emulator_switch\n.weak emulator_switch\n"
#endif

// Put the registers that a called function must keep on this stack, tell where that is, go to the other stack, and take its own from there.
extern "C" void emulator_switch(void **left, void *entered);
#if defined(__x86_64__)
asm(".text\n.p2align 4\n.globl " EMULATOR_SYMBOL "\n" EMULATOR_LOCAL EMULATOR_SYMBOL R"(:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx          # a ret would be foretold wrongly: the processor pairs each with a call, and here they do not pair.  Half the time
)");
constexpr int EMULATOR_SAVED = 7, EMULATOR_RETURN = 6;        // words that a switch takes from a stack; which of them is where to go on
#elif defined(__aarch64__)
asm(".text\n.p2align 4\n.globl " EMULATOR_SYMBOL "\n" EMULATOR_LOCAL EMULATOR_SYMBOL R"(:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    br x30
)");
constexpr int EMULATOR_SAVED = 20, EMULATOR_RETURN = 11;
#else
#error "the CUDA emulator is written for x86-64 and arm64"
#endif

namespace emulator {
enum State : uint8_t { READY, AT_BARRIER, AT_WARP, RETURNED };
constexpr int MOST_THREADS = 1024, WARP = 32;
constexpr size_t STACK = 64 << 10;                            // of a thread; only the pages that it touches take memory

struct Thread { void *stack; uint3 index; State state; Place waits; };
// rounds: how often its lanes have met; meetings: how often at a __syncwarp(), which alone orders what they do to memory
struct Warp { uint32_t live, arrived, rounds, meetings; uint64_t values[2][WARP]; };

// Where a launch tells what went wrong: the first block that fails does.
struct Failure { char *text; size_t size; bool happened; };

struct Block {                                                // the one that runs on this core
    int size, current, alive, arrived, ayes, counted, order;
    unsigned barriers;
    uint32_t random;
    void *core;                                               // the stack on which run_block was called
    char *stacks = nullptr;
    void (*body)(void **);
    void **args;
    Failure *failure;
    Thread threads[MOST_THREADS];
    Warp warps[MOST_THREADS / WARP];
    ~Block() { if (stacks) munmap(stacks, STACK * MOST_THREADS); }
};
inline thread_local Block *running = nullptr;                 // null while a kernel without barriers runs

#ifdef CUDA_EMULATOR_CHECK
void some_have_returned(Block &b, int first, int last, Place here);      // checker.cpp: others wait for threads of which some never come
#else
inline void some_have_returned(Block &, int, int, Place) {}
#endif

inline UNSEEN uint32_t random_number(Block &b) { return (b.random = b.random * 1664525u + 1013904223u) >> 8; }

inline UNSEEN void go_to(Block &b, int thread) {
    Thread &from = b.threads[b.current], &to = b.threads[thread];
    b.current = thread;
    set_thread_index(to.index);
    emulator_switch(&from.stack, to.stack);
}

// Give up the block: none of its threads goes on.
[[noreturn, gnu::noinline]] inline UNSEEN void abandon(Block &b) {
    void *left;
    b.failure->happened = true;
    emulator_switch(&left, b.core);
    __builtin_unreachable();
}

// The block can not go on.  `here` is where its current thread waits; up to three threads that are elsewhere are named.
[[noreturn, gnu::noinline]] inline UNSEEN void fail(Block &b, const char *what, Place here) {
    Failure &f = *b.failure;
    uint3 block = get_block_index(), t = b.threads[b.current].index;
    #pragma omp critical(emulator_failure)
    if (!f.happened) {
        f.happened = true;
        size_t k = snprintf(f.text, f.size, "%s: block (%u, %u, %u): thread (%u, %u, %u) waits at %s:%d",
                            what, block.x, block.y, block.z, t.x, t.y, t.z, here.file, here.line);
        int shown = 0;
        for (int i = 0; i < b.size && shown < 3 && k < f.size; i++) {
            Thread &other = b.threads[i];
            uint3 o = other.index;
            if (other.state == RETURNED)
                k += snprintf(f.text + k, f.size - k, ", thread (%u, %u, %u) has returned", o.x, o.y, o.z);
            else if (other.waits.line != here.line || other.waits.file != here.file)
                k += snprintf(f.text + k, f.size - k, ", thread (%u, %u, %u) at %s:%d", o.x, o.y, o.z, other.waits.file, other.waits.line);
            else continue;
            shown++;
        }
        if (k < f.size) snprintf(f.text + k, f.size - k, ". Every thread of a block must come to the same barriers: is one inside "
                                 "an if, or a loop, that not all threads take alike?");
    }
    abandon(b);
}

// Let another thread go on: the next one, the one before, or (orders from 2) any.
inline UNSEEN void give_way(Block &b) {
    int i = b.order >= 2 ? int(random_number(b) % b.size) : b.current;
    for (int tried = 0; tried < b.size; tried++) {
        i = b.order == 1 ? (i ? i : b.size) - 1 : i + 1 == b.size ? 0 : i + 1;
        if (b.threads[i].state == READY) {
            if (i != b.current) go_to(b, i);
            return;
        }
    }
    fail(b, "deadlock", b.threads[b.current].waits);
}

// If every thread that has not returned is at the barrier, all go on.
inline UNSEEN void open_barrier(Block &b) {
    if (b.arrived == 0 || b.arrived != b.alive) return;
    b.arrived = 0;
    b.barriers++;
    b.counted = b.ayes;
    b.ayes = 0;
    Place here = {nullptr, 0};
    for (int i = 0; i < b.size; i++) {
        Thread &t = b.threads[i];
        if (t.state != AT_BARRIER) continue;
        if (here.file == nullptr) here = t.waits;
        else if (t.waits.line != here.line || t.waits.file != here.file) {
            b.current = i;
            fail(b, "threads of a block wait at different barriers", t.waits);
        }
        t.state = READY;
    }
    if (b.alive != b.size) some_have_returned(b, 0, b.size, here);
}

inline UNSEEN void open_warp(Block &b, int warp) {
    Warp &w = b.warps[warp];
    if (w.arrived == 0 || w.arrived != w.live) return;
    w.arrived = 0;
    w.rounds++;
    const int begin = warp * WARP, end = begin + WARP < b.size ? begin + WARP : b.size;
    Place here = {nullptr, 0};
    int lanes = 0;
    for (int i = begin; i < end; i++) {
        Thread &t = b.threads[i];
        if (t.state != AT_WARP) continue;
        if (lanes++ == 0) here = t.waits;
        else if (t.waits.line != here.line || t.waits.file != here.file) {
            b.current = i;
            fail(b, "threads of a warp wait at different places", t.waits);
        }
        t.state = READY;
    }
    if (lanes != end - begin) some_have_returned(b, begin, end, here);
}

[[noreturn, gnu::noinline]] inline void not_a_fiber(Place here) {
    fprintf(stderr, "%s:%d: a thread waits in a kernel that was taken for one without barriers: the emulator has not seen the call\n",
            here.file, here.line);
    __builtin_trap();
}

// __syncthreads(), and its forms that count the threads for which something holds.
inline UNSEEN int barrier(Place here, int aye) {
    if (!running) not_a_fiber(here);
    Block &b = *running;
    Thread &me = b.threads[b.current];
    me.state = AT_BARRIER;
    me.waits = here;
    b.arrived++;
    b.ayes += aye;
    open_barrier(b);
    if (me.state != READY || b.order) give_way(b);
    return b.counted;
}

inline UNSEEN void meet(Place here) {                         // all lanes of a warp
    if (!running) not_a_fiber(here);
    Block &b = *running;
    Thread &me = b.threads[b.current];
    int warp = b.current / WARP;
    me.state = AT_WARP;
    me.waits = here;
    b.warps[warp].arrived |= 1u << b.current % WARP;
    open_warp(b, warp);
    if (me.state != READY) give_way(b);
}

// __syncwarp(): what the lanes did to memory before is done when they go on.  Other warp functions do not promise that.
inline UNSEEN void warp_barrier(Place here) {
    if (!running) not_a_fiber(here);
    Warp &w = running->warps[running->current / WARP];
    const uint32_t before = w.meetings;
    meet(here);
    w.meetings = before + 1;
}

// The first function on every thread's stack.
inline UNSEEN void thread_main() {
    Block &b = *running;
    b.body(b.args);
    b.threads[b.current].state = RETURNED;
    b.warps[b.current / WARP].live &= ~(1u << b.current % WARP);
    b.alive--;
    open_warp(b, b.current / WARP);
    open_barrier(b);
    if (b.alive) give_way(b);
    void *left;
    emulator_switch(&left, b.core);
}

// Run a block's threads until all have returned, or one has failed.
inline UNSEEN void run_block(Block &b, dim3 shape, int order, uint32_t seed, void (*body)(void **), void **args, Failure *failure) {
    b.size = b.alive = shape.x * shape.y * shape.z;
    b.arrived = b.ayes = b.barriers = 0;
    b.body = body, b.args = args, b.order = order, b.random = seed, b.failure = failure;
    if (!b.stacks) {
        void *memory = mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            snprintf(failure->text, failure->size, "no memory for the stacks of a block's threads (%zu MiB)", STACK * MOST_THREADS >> 20);
            failure->happened = true;
            return;
        }
        b.stacks = static_cast<char *>(memory);
    }
    int i = 0;
    for (unsigned z = 0; z < shape.z; z++) for (unsigned y = 0; y < shape.y; y++) for (unsigned x = 0; x < shape.x; x++, i++) {
        // Not all at the same place of their 64 KiB: they would share the same few lines of the cache.
        void **top = reinterpret_cast<void **>(b.stacks + (i + 1) * STACK - i % 32 * 320 - 64);
        *--top = nullptr;                                     // a function is entered with the stack 8 bytes off a multiple of 16 on x86-64
#ifdef __aarch64__
        --top;
#endif
        top -= EMULATOR_SAVED;
        top[EMULATOR_RETURN] = reinterpret_cast<void *>(thread_main);
        b.threads[i] = {top, {x, y, z}, READY, {nullptr, 0}};
    }
    for (int w = 0; w * WARP < b.size; w++) {
        int lanes = b.size - w * WARP;
        b.warps[w].live = lanes >= WARP ? ~0u : (1u << lanes) - 1;
        b.warps[w].arrived = b.warps[w].rounds = b.warps[w].meetings = 0;
    }
    running = &b;
    b.current = order == 0 ? 0 : order == 1 ? b.size - 1 : int(random_number(b) % b.size);
    set_thread_index(b.threads[b.current].index);
    emulator_switch(&b.core, b.threads[b.current].stack);
    running = nullptr;
}
}  // namespace emulator

#define __syncthreads() ((void)emulator::barrier(EMULATOR_HERE, 0))
#define __syncthreads_count(p) emulator::barrier(EMULATOR_HERE, (p) ? 1 : 0)
#define __syncthreads_or(p) int(emulator::barrier(EMULATOR_HERE, (p) ? 1 : 0) != 0)
#define __syncthreads_and(p) int(emulator::barrier(EMULATOR_HERE, (p) ? 0 : 1) == 0)
#define __syncwarp(...) emulator::warp_barrier(EMULATOR_HERE)
