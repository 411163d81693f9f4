// A launch: every block of a grid, each on one core.  Blocks are spread over cores; a kernel whose threads never wait is a loop over them.
#pragma once
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

namespace emulator {
// A device's addresses have this bit, which no address of the host has: code of the host that follows one ends at once, as it would with a
// GPU.
constexpr uint64_t DEVICE_BIT = uint64_t(1) << 62;
constexpr unsigned MOST_SHARED = 48 << 10;
constexpr int MOST_ARGUMENTS = 64;
constexpr long WORTH_CORES = 1 << 16;                         // threads of a launch from which on waking other cores pays

struct Launch {
    const char *kernel;
    dim3 grid, block;
    unsigned shared;
    int order, cores;
    long blocks() const { return long(grid.x) * grid.y * grid.z; }
    long threads() const { return long(block.x) * block.y * block.z; }
};

#ifdef CUDA_EMULATOR_CHECK
void launch_begins(const char *kernel, unsigned dynamic), argument_is(int k, uint64_t address), block_ends();    // checker.cpp
#else
inline void launch_begins(const char *, unsigned) {}
inline void argument_is(int, uint64_t) {}
inline void block_ends() {}
#endif

// What may go wrong before a launch: NULL, or the text.
inline UNSEEN const char *refused(const Launch &l, char *text, size_t size) {
    const char *invalid = "CUDA_ERROR_INVALID_VALUE: ";
    if (l.grid.x == 0 || l.grid.y == 0 || l.grid.z == 0)
        snprintf(text, size, "%s%s was launched with a grid of %u x %u x %u blocks: each must be at least 1", invalid, l.kernel,
                 l.grid.x, l.grid.y, l.grid.z);
    else if (l.grid.x > 0x7fffffffu || l.grid.y > 65535 || l.grid.z > 65535)
        snprintf(text, size, "%s%s was launched with a grid of %u x %u x %u blocks: the most are 2147483647 x 65535 x 65535",
                 invalid, l.kernel, l.grid.x, l.grid.y, l.grid.z);
    else if (l.threads() == 0 || l.block.x > 1024 || l.block.y > 1024 || l.block.z > 64 || l.threads() > MOST_THREADS)
        snprintf(text, size, "%s%s was launched with blocks of %u x %u x %u threads: a block has 1 to 1024 threads in all, "
                 "and at most 64 along z",
                 invalid, l.kernel, l.block.x, l.block.y, l.block.z);
    else if (l.shared > MOST_SHARED)
        snprintf(text, size, "%s%s was launched with %u bytes of dynamic shared memory: a block has at most %u", invalid, l.kernel,
                 l.shared, MOST_SHARED);
    else return nullptr;
    return text;
}

// A permutation of 0 .. n-1: forwards, backwards, or (orders from 2) in steps of a number that has no divisor in common with n.
struct Order {
    long n, step, first;
    UNSEEN Order(long n, int order) : n(n), step(1), first(0) {
        if (order == 1) step = n - 1, first = n - 1;
        else if (order >= 2) {
            uint64_t seed = uint64_t(order) * 0x9E3779B97F4A7C15u;
            for (step = long(seed >> 20) % n | 1; common_divisor(step, n) != 1; step += 2) {}
            first = long(seed >> 33) % n;
        }
    }
    static UNSEEN long common_divisor(long a, long b) { return b ? common_divisor(b, a % b) : a; }
    UNSEEN long operator[](long i) const { return long((unsigned __int128)i * step % n + first) % n; }
};

// In a process that was forked off one which had used OpenMP, OpenMP waits for threads that are not there: module.py sets 1.
inline int most_cores = 1 << 20;

// Call body(i) for each block, on as many cores as are given where there is enough to do.
template <class Body> UNSEEN void over_blocks(const Launch &l, const Failure &failure, Body body) {
    const long n = l.blocks();
    const Order order(n, l.order);
    auto run = [&](long i) UNSEEN {
        i = l.order ? order[i] : i;
        set_block_index({unsigned(i % l.grid.x), unsigned(i / l.grid.x % l.grid.y), unsigned(i / l.grid.x / l.grid.y)});
        body(i);
    };
#ifdef _OPENMP
    if (l.cores > 1 && most_cores > 1 && n > 1 && n * l.threads() >= WORTH_CORES) {
        const long together = n / (l.cores * 16L) + 1;
        #pragma omp parallel num_threads(l.cores)
        {
            set_sizes(l.grid, l.block);
            #pragma omp for schedule(dynamic, together)
            for (long i = 0; i < n; i++) if (!failure.happened) run(i);
        }
        return;
    }
#endif
    set_sizes(l.grid, l.block);
    for (long i = 0; i < n && !failure.happened; i++) run(i);
}

// What differs between kernels.
struct Kernel {
    const char *name, *signature;                             // see Signature
    bool waits;                                               // its threads can wait for each other
    void (*one_thread)(void **args);
    void (*all_threads)(void **args, dim3 block);             // of a block, one after the other; if they never wait
};

// Replace the addresses of the device among the arguments by those that this processor knows.
inline UNSEEN bool translate(const Kernel &kernel, void **params, void **args, uint64_t *addresses, Failure &failure) {
    int k = 0;
    for (const char *code = kernel.signature; *code; code++) {
        if (*code == ' ') { k++; continue; }
        args[k] = params[k];
        if (*code != 'P') continue;
        memcpy(&addresses[k], params[k], 8);
        if (addresses[k] && !(addresses[k] & DEVICE_BIT)) {
            snprintf(failure.text, failure.size, "argument %d of %s is the address of memory of the host", k + 1, kernel.name);
            return false;
        }
        addresses[k] &= ~DEVICE_BIT;
        args[k] = &addresses[k];
        argument_is(k, addresses[k]);
    }
    return true;
}

inline UNSEEN void run_in_order(const Kernel &kernel, const Launch &l, void **args) {
    const Order order(l.threads(), l.order);
    for (long k = 0; k < l.threads(); k++) {
        const long t = order[k];
        set_thread_index({unsigned(t % l.block.x), unsigned(t / l.block.x % l.block.y), unsigned(t / l.block.x / l.block.y)});
        kernel.one_thread(args);
    }
}

inline UNSEEN const char *launch(const Kernel &kernel, const unsigned *geometry, int order, int cores, void **params) {
    static thread_local char text[2048];
    Failure failure = {text, sizeof text, false};
    const unsigned *g = geometry;
    const Launch l = {kernel.name, {g[0], g[1], g[2]}, {g[3], g[4], g[5]}, g[6], order, cores};
    if (refused(l, text, sizeof text)) return text;
    void *args[MOST_ARGUMENTS];
    uint64_t addresses[MOST_ARGUMENTS];
    launch_begins(kernel.name, l.shared);
    if (!translate(kernel, params, args, addresses, failure)) return text;
    over_blocks(l, failure, [&](long i) UNSEEN {
        if (kernel.waits) {
            static thread_local Block block;
            run_block(block, l.block, order, uint32_t(i + 1) * 2654435761u + uint32_t(order) * 40503u, kernel.one_thread, args, &failure);
            block_ends();
        } else if (order) run_in_order(kernel, l, args);
        else kernel.all_threads(args, l.block);
    });
    return failure.happened ? text : nullptr;
}

// The types of a kernel's arguments, as in Python's struct module: P a pointer, i int, ...; S12 a structure of 12 bytes.  A space behind
// each.
struct Signature {
    char text[8 * MOST_ARGUMENTS] = {};
    int length = 0;

    constexpr void put(char c) { text[length++] = c; }
    constexpr void put_number(size_t n) {
        if (n >= 10) put_number(n / 10);
        put(char('0' + n % 10));
    }
    template <class T> constexpr void add() {
        if constexpr (std::is_void_v<T>) put('v');
        else if constexpr (std::is_pointer_v<T>) put('P');
        else if constexpr (std::is_same_v<T, bool>) put('?');
        else if constexpr (std::is_same_v<T, float>) put('f');
        else if constexpr (std::is_same_v<T, double>) put('d');
        else if constexpr (std::is_integral_v<T>) put((std::is_signed_v<T> ? " bh i   q" : " BH I   Q")[sizeof(T)]);
        else put('S'), put_number(sizeof(T));
        put(' ');
    }
};

// A kernel's arguments, by their types.  Only what is written here is compiled for each kernel.
template <auto kernel> struct Typed;
template <class... A, void (*kernel)(A...)> struct Typed<kernel> {
    static_assert(sizeof...(A) <= MOST_ARGUMENTS, "the emulator takes 64 arguments");

    template <size_t... I> UNSEEN static void call(void **args, std::index_sequence<I...>) { kernel(*static_cast<A *>(args[I])...); }
    UNSEEN static void one_thread(void **args) { call(args, std::index_sequence_for<A...>()); }

    // The kernel becomes part of the loop, which then may work on several threads at a time.
    [[gnu::flatten]] UNSEEN static void loop(dim3 block, A... args) {
        for (unsigned z = 0; z < block.z; z++) for (unsigned y = 0; y < block.y; y++) for (unsigned x = 0; x < block.x; x++) {
            set_thread_index({x, y, z});
            kernel(args...);
        }
    }
    template <size_t... I> UNSEEN static void call_loop(void **args, dim3 block, std::index_sequence<I...>) {
        loop(block, *static_cast<A *>(args[I])...);
    }
    UNSEEN static void all_threads(void **args, dim3 block) { call_loop(args, block, std::index_sequence_for<A...>()); }

    // A kernel that is one FOR_EACH and nothing else: called once, it does all elements of the block.
    [[gnu::flatten]] UNSEEN static void sweep(A... args) {
        sweeping = true;
        kernel(args...);
        sweeping = false;
    }
    template <size_t... I> UNSEEN static void call_sweep(void **args, std::index_sequence<I...>) { sweep(*static_cast<A *>(args[I])...); }
    UNSEEN static void all_elements(void **args, dim3 block) {
        if (block.y * block.z == 1) call_sweep(args, std::index_sequence_for<A...>());
        else all_threads(args, block);
    }

    // What pointers point to; - for what is none
    template <class T> static constexpr void add_pointee(Signature &s) {
        if constexpr (std::is_pointer_v<T>) s.template add<std::remove_cv_t<std::remove_pointer_t<T>>>();
        else s.put('-'), s.put(' ');
    }
    static constexpr Signature all_codes() {
        Signature s;
        (s.template add<A>(), ...);
        return s;
    }
    static constexpr Signature all_pointees() {
        Signature s;
        (add_pointee<A>(s), ...);
        return s;
    }
    static constexpr Signature codes = all_codes(), pointees = all_pointees();
};
}  // namespace emulator

// What module.py writes behind the file: an entry for each kernel, the memory behind each `extern __shared__` name.
#define EMULATED_KERNEL(name, waits, all_threads) \
    extern "C" const char *emulated_signature_##name() { return emulator::Typed<name>::codes.text; } \
    extern "C" const char *emulated_pointees_##name() { return emulator::Typed<name>::pointees.text; } \
    extern "C" const char *emulated_launch_##name(const unsigned *geometry, int order, int threads, void **params) { \
        static const emulator::Kernel kernel = {#name, emulator::Typed<name>::codes.text, waits, emulator::Typed<name>::one_thread, \
                                                all_threads}; \
        return emulator::launch(kernel, geometry, order, threads, params); }
#define EMULATED_LIBRARY(kernels) \
    extern "C" const char *emulated_kernels() { return kernels; } \
    extern "C" void emulated_most_cores(int n) { emulator::most_cores = n; }
#define EMULATED_WAITING(name) EMULATED_KERNEL(name, true, nullptr)
#define EMULATED_PLAIN(name) EMULATED_KERNEL(name, false, emulator::Typed<name>::all_threads)
#define EMULATED_SWEEPING(name) EMULATED_KERNEL(name, false, emulator::Typed<name>::all_elements)
#define EMULATED_DYNAMIC(type, name) alignas(16) thread_local type name[emulator::MOST_SHARED / sizeof(type)];
