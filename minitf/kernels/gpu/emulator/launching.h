// A launch: every block of a grid, each on one core.  Blocks are spread over cores; a kernel whose threads never wait is a loop over them.
#pragma once
#include <algorithm>
#include <cstdio>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace emulator {
// A device's addresses have this bit, which no address of the host has: code of the host that follows one ends at once, as it would with a GPU.
constexpr uint64_t DEVICE_BIT = uint64_t(1) << 62;
constexpr unsigned MOST_SHARED = 48 << 10;
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
void launch_begins(const char *kernel, unsigned dynamic, int arguments), argument_is(int k, uint64_t address), block_ends();    // checker.cpp
#else
inline void launch_begins(const char *, unsigned, int) {}
inline void argument_is(int, uint64_t) {}
inline void block_ends() {}
#endif

// What may go wrong before a launch: NULL, or the text.
inline UNSEEN const char *refused(const Launch &l, char *text, size_t size) {
    const char *invalid = "CUDA_ERROR_INVALID_VALUE: ";
    if (l.grid.x == 0 || l.grid.y == 0 || l.grid.z == 0)
        snprintf(text, size, "%s%s was launched with a grid of %u x %u x %u blocks: each must be at least 1", invalid, l.kernel, l.grid.x, l.grid.y, l.grid.z);
    else if (l.grid.x > 0x7fffffffu || l.grid.y > 65535 || l.grid.z > 65535)
        snprintf(text, size, "%s%s was launched with a grid of %u x %u x %u blocks: the most are 2147483647 x 65535 x 65535",
                 invalid, l.kernel, l.grid.x, l.grid.y, l.grid.z);
    else if (l.threads() == 0 || l.block.x > 1024 || l.block.y > 1024 || l.block.z > 64 || l.threads() > MOST_THREADS)
        snprintf(text, size, "%s%s was launched with blocks of %u x %u x %u threads: a block has 1 to 1024 threads in all, and at most 64 along z",
                 invalid, l.kernel, l.block.x, l.block.y, l.block.z);
    else if (l.shared > MOST_SHARED)
        snprintf(text, size, "%s%s was launched with %u bytes of dynamic shared memory: a block has at most %u", invalid, l.kernel, l.shared, MOST_SHARED);
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
            for (step = long(seed >> 20) % n | 1; std::__gcd(step, n) != 1; step += 2) {}
            first = long(seed >> 33) % n;
        }
    }
    UNSEEN long operator[](long i) const { return long((unsigned __int128)i * step % n + first) % n; }
};

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
    if (l.cores > 1 && n > 1 && n * l.threads() >= WORTH_CORES) {
        const long together = std::max(1L, n / (l.cores * 16L));
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

// One kernel, by its argument types.  `waits`: its threads can wait for each other.
template <bool waits, auto kernel> struct Kernel;
template <bool waits, class... A, void (*kernel)(A...)> struct Kernel<waits, kernel> {
    typedef std::tuple<A...> Args;

    template <class T> UNSEEN static T value(const char *name, void *param, int k, Failure &f) {
        if constexpr (std::is_pointer_v<T>) {
            uint64_t address = *static_cast<uint64_t *>(param);
            if (address && !(address & DEVICE_BIT) && !f.happened) {
                f.happened = true;
                snprintf(f.text, f.size, "argument %d of %s is the address of memory of the host", k + 1, name);
            }
            argument_is(k, address & ~DEVICE_BIT);
            return reinterpret_cast<T>(address & ~DEVICE_BIT);
        } else return *static_cast<T *>(param);
    }
    template <size_t... I> UNSEEN static Args values(const char *name, void **params, Failure &f, std::index_sequence<I...>) {
        return Args{value<A>(name, params[I], I, f)...};
    }
    template <size_t... I> UNSEEN static void call(Args &args, std::index_sequence<I...>) { kernel(std::get<I>(args)...); }
    UNSEEN static void one_thread(void *args) { call(*static_cast<Args *>(args), std::index_sequence_for<A...>()); }

    // The kernel becomes part of the loop, which then may work on several threads at a time.
    template <size_t... I> [[gnu::flatten]] UNSEEN static void loop(dim3 size, Args &args, std::index_sequence<I...>) {
        for (unsigned z = 0; z < size.z; z++) for (unsigned y = 0; y < size.y; y++) for (unsigned x = 0; x < size.x; x++) {
            set_thread_index({x, y, z});
            kernel(std::get<I>(args)...);
        }
    }
    UNSEEN static void loop_in_order(dim3 size, int order, Args &args) {
        const long n = long(size.x) * size.y * size.z;
        const Order threads(n, order);
        for (long k = 0; k < n; k++) {
            const long t = threads[k];
            set_thread_index({unsigned(t % size.x), unsigned(t / size.x % size.y), unsigned(t / size.x / size.y)});
            call(args, std::index_sequence_for<A...>());
        }
    }

    UNSEEN static const char *launch(const char *name, const unsigned *geometry, int order, int cores, void **params) {
        static thread_local char text[2048];
        Failure failure = {text, sizeof text, false};
        const unsigned *g = geometry;
        const Launch l = {name, {g[0], g[1], g[2]}, {g[3], g[4], g[5]}, g[6], order, cores};
        if (const char *why = refused(l, text, sizeof text)) return why;
        launch_begins(name, l.shared, sizeof...(A));
        Args args = values(name, params, failure, std::index_sequence_for<A...>());
        if (failure.happened) return text;
        over_blocks(l, failure, [&](long i) UNSEEN {
            if constexpr (waits) {
                static thread_local Block block;
                run_block(block, l.block, order, uint32_t(i + 1) * 2654435761u + uint32_t(order) * 40503u, one_thread, &args, &failure);
                block_ends();
            } else if (order) loop_in_order(l.block, order, args);
            else loop(l.block, args, std::index_sequence_for<A...>());
        });
        return failure.happened ? text : nullptr;
    }

    // Codes of the types of arguments, as in Python's struct module: P a pointer, i int, S12 a structure of 12 bytes ...
    template <class T> static std::string code() {
        if constexpr (std::is_pointer_v<T>) return "P";
        else if constexpr (std::is_same_v<T, bool>) return "?";
        else if constexpr (std::is_same_v<T, float>) return "f";
        else if constexpr (std::is_same_v<T, double>) return "d";
        else if constexpr (std::is_integral_v<T>) {
            const char *codes = std::is_signed_v<T> ? "bhiq" : "BHIQ";
            return std::string(1, codes[sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3]);
        } else return "S" + std::to_string(sizeof(T));
    }
    static const char *signature() {
        static const std::string text = ((code<A>() + " ") + ... + std::string());
        return text.c_str();
    }
};
}  // namespace emulator

// What module.py writes behind the file: an entry for each kernel, the memory behind each `extern __shared__` name.
#define EMULATED_KERNEL(name, waits) \
    extern "C" const char *emulated_launch_##name(const unsigned *geometry, int order, int threads, void **params) { \
        return emulator::Kernel<waits, name>::launch(#name, geometry, order, threads, params); } \
    extern "C" const char *emulated_signature_##name() { return emulator::Kernel<waits, name>::signature(); }
#define EMULATED_DYNAMIC(type, name) alignas(16) thread_local type name[emulator::MOST_SHARED / sizeof(type)];
