// Watches every access to memory that a kernel makes.
//
// The kernel is compiled with -fsanitize=thread and -fsanitize=bounds, only because the compiler then calls a function before each access:
// __tsan_read4 and its kin, which are here in place of the sanitizer's own.  A kernel runs on one core, its threads as fibers, so that who
// runs is known; for each access it is asked: does the memory belong to the launch?  Does it race with an earlier one?  Was it ever
// written?
//
// check_begin, any number of launches, check_end: what was found, as a text.  What is remembered is the library's, not the caller's: a
// second caller's check_begin waits for the first one's check_end.
#include "cuda_emulator.h"
#include "counts.h"
#include "lines.h"
#include "shadow.h"
#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace emulator {
namespace {
constexpr size_t MOST_REPORTS = 8;
struct Range { uint64_t begin, end; bool holds(uint64_t a) const { return a >= begin && a < end; } };
struct Report { std::string text; std::vector<uint32_t> places; };       // the text has @0, @1 where the places' lines belong

std::mutex one_caller;
thread_local bool is_caller;
bool active, counting;
std::vector<Range> arrays, globals;                           // the launch's arguments; the text's own variables and constants
std::vector<Variable> shared;
std::vector<uint64_t> arguments;                              // addresses that the running launch was given, 0 for numbers
Range shared_memory;                                          // of this core: the library's thread-local variables
uint64_t library_begin;
std::vector<Report> reports;
std::set<std::tuple<int, uint32_t, uint32_t>> told;           // one report of a kind for each pair of lines
size_t not_told;
uint32_t launches;
unsigned dynamic_bytes;
std::string kernel;
Shadow shadow;
Counts counts;

enum { RACE, OUTSIDE, UNWRITTEN, INDEX, GONE };

template <class... T> std::string format(const char *pattern, T... values) {
    char text[1024];
    snprintf(text, sizeof text, pattern, values...);
    return text;
}
// Whether there is something new to say: texts are made only then.
bool is_new(int kind, uint32_t a, uint32_t b = 0) {
    if (!told.insert({kind, std::min(a, b), std::max(a, b)}).second) return false;
    if (reports.size() < MOST_REPORTS) return true;
    not_told++;
    return false;
}
void report(const std::vector<uint32_t> &places, const std::string &text) { reports.push_back({text, places}); }
[[noreturn]] void stop(Block &b) {
    if (!b.failure->happened) snprintf(b.failure->text, b.failure->size, "%s was stopped by the checker", kernel.c_str());
    abandon(b);
}

uint32_t block_number() {
    uint3 b = get_block_index();
    dim3 g = get_grid_size();
    return b.x + g.x * (b.y + g.y * b.z);
}
std::string who(int thread, uint32_t block) {
    dim3 b = get_block_size(), g = get_grid_size();
    return format("thread (%u, %u, %u) of block (%u, %u, %u)", thread % b.x, thread / b.x % b.y, thread / b.x / b.y,
                  block % g.x, block / g.x % g.y, block / g.x / g.y);
}
std::string words(const char *action, int size) { return format("%s %d byte%s", action, size, size == 1 ? "" : "s"); }

std::string element(uint64_t bytes, int size) {
    return format("element %lu (of %d byte%s each) of ", (unsigned long)(bytes / size), size, size == 1 ? "" : "s");
}

// The array that holds an address, and which of its elements, counted in the access's size.
std::string what(uint64_t address, int size) {
    for (const Variable &s : shared) {
        uint64_t begin = shared_memory.begin + s.offset;
        if (address >= begin && address < begin + s.size)
            return element(address - begin, size) + "the shared array " + s.name;
    }
    size_t best = 0;                                          // the argument that begins last before the address
    for (size_t k = 0; k < arguments.size(); k++)
        if (arguments[k] && arguments[k] <= address && (arguments[best] > address || arguments[k] > arguments[best])) best = k;
    if (best < arguments.size() && arguments[best] && arguments[best] <= address && !shared_memory.holds(address))
        return element(address - arguments[best], size) + format("argument %d", int(best) + 1);
    return shared_memory.holds(address) ? "shared memory" : "global memory";
}

// An access to memory that nobody gave to the launch.  It is not let happen.
[[noreturn, gnu::noinline]] void outside(Block &b, uint64_t address, int size, const char *action, uint32_t place) {
    if (!is_new(OUTSIDE, place)) stop(b);
    std::string where;
    uint64_t least = UINT64_MAX;
    auto nearer = [&](const Range &r, const std::string &name) {
        uint64_t behind = address >= r.end ? address - r.end : 0, before = address < r.begin ? r.begin - address : 0;
        uint64_t far = behind + before;
        if (far >= least || far > (1u << 30)) return;
        least = far;
        where = before ? format("%lu bytes before the begin of ", (unsigned long)before)
              : address < r.end ? "over the end of " : behind ? format("%lu bytes behind the end of ", (unsigned long)behind)
                  : "just behind the end of ";
        where += name;
    };
    for (const Range &r : arrays) {
        std::string name = "an array";
        for (size_t k = arguments.size(); k-- > 0;) if (arguments[k] && r.holds(arguments[k])) name = format("argument %d", int(k) + 1);
        nearer(r, name + format(" (%lu bytes)", (unsigned long)(r.end - r.begin)));
    }
    if (shared_memory.holds(address)) for (const Variable &s : shared) {
        uint64_t begin = shared_memory.begin + s.offset;
        bool dynamic = s.size >= MOST_SHARED;
        uint64_t bytes = dynamic ? dynamic_bytes : s.size;
        nearer({begin, begin + bytes}, format(dynamic ? "the dynamic shared memory %s (the launch asked for %lu bytes)"
                                              : "the shared array %s (%lu bytes)",
                                              s.name.c_str(), (unsigned long)bytes));
    }
    if (where.empty()) where = address < 4096 ? "at a null pointer" : "at an address that is near no memory of this launch";
    report({place}, "out of bounds in " + kernel + ":\n  @0: " + who(b.current, block_number()) + " " + words(action, size) + " " + where
           + "\n  Usually missing: a test such as `if (i < n)`, or the last block's threads compute an index that is too large.");
    stop(b);
}

bool in_shared_array(uint64_t address, int size) {
    for (const Variable &s : shared) {
        uint64_t begin = shared_memory.begin + s.offset, bytes = s.size >= MOST_SHARED ? dynamic_bytes : s.size;
        if (address >= begin && address + size <= begin + bytes) return true;
    }
    return shared.empty();                                    // where names can not be read, all of it is allowed
}

[[gnu::noinline]] void race(const Access &before, bool before_writes, const Access &now, bool writes, uint64_t address, int size,
                            bool is_shared) {
    if (!is_new(RACE, before.place, now.place)) return;
    auto act = [](const Access &a, bool writes) { return a.atomic ? "changes" : writes ? "writes" : "reads"; };
    std::string text = format("race on %s memory in %s:\n  @0: ", is_shared ? "shared" : "global", kernel.c_str())
        + who(before.thread, before.block) + " " + act(before, before_writes) + " " + what(address, size)
        + "\n  @1: " + who(now.thread, now.block) + " " + act(now, writes) + " it"
        + (before.atomic != now.atomic ? ", and not both are atomic" : "");
    text += before.block == now.block ? ", with no barrier between\n  Usually missing: "
        : "; no barrier orders the blocks of a launch\n  Usually missing: ";
    if (before.place == now.place || (before_writes && writes))
        text += "one of the two threads should not write there (do they compute the same index?); or each adds, and must with atomicAdd.";
    else if (before.block == now.block)
        text += std::string("a __syncthreads() between the two; in a loop, also between the end of one turn and the begin of the next")
            + (is_shared ? "." : "; or atomicAdd, where threads add to one number.");
    else
        text += "a second launch, for what needs the results of all blocks; or atomicAdd, where blocks add to one number.";
    report({before.place, now.place}, text);
}

void access(const void *pointer, int size, bool writes, bool atomic, const void *behind_call) {
    Block *running_block = running;
    if (!active || !running_block) return;
    Block &b = *running_block;
    const uint64_t address = reinterpret_cast<uint64_t>(pointer), stacks = reinterpret_cast<uint64_t>(b.stacks);
    if (Range{stacks, stacks + STACK * MOST_THREADS}.holds(address)) return;       // a local variable
    const uint32_t place = uint32_t(reinterpret_cast<uint64_t>(behind_call) - library_begin);
    const bool is_shared = shared_memory.holds(address);
    const char *action = atomic ? "changes" : writes ? "writes" : "reads";
    uint64_t counted = address;
    if (is_shared) {
        if (!in_shared_array(address, size)) outside(b, address, size, action, place);
    } else {
        auto holder = [&](const std::vector<Range> &ranges) -> const Range * {
            for (const Range &r : ranges) if (address >= r.begin && address + size <= r.end) return &r;
            return nullptr;
        };
        const Range *array = holder(arrays);
        if (!array && !holder(globals)) outside(b, address, size, action, place);
        // As if the array began at a multiple of 256 bytes: on a GPU it does.
        if (array) counted = address - array->begin + (uint64_t(array - arrays.data()) << 40);
    }
    Access now;
    now.launch = launches, now.block = block_number(), now.barriers = b.barriers,
        now.meetings = uint16_t(b.warps[b.current / WARP].meetings);
    now.thread = uint16_t(b.current), now.place = place, now.atomic = atomic;
    bool unwritten = false;
    shadow.each(address, size, [&](Word &word) {
        if (is_shared && (word.write.launch != launches || word.write.block != now.block)) {
            if (!writes || atomic) unwritten = true;
            word = Word();                                    // a block's shared memory is new
        }
        const Access write = word.write, other = word.write_of_other;
        if (const Access *before = word.touch(now, writes)) {
            auto same = [&](const Access &a) {
                return a.launch && a.thread == before->thread && a.block == before->block && a.place == before->place;
            };
            race(*before, same(write) || same(other), now, writes, address, size, is_shared);
        }
    });
    if (unwritten && is_new(UNWRITTEN, place))
        report({place}, "shared memory is read that no thread of the block has written, in " + kernel + ":\n  @0: "
               + who(b.current, now.block) + " " + action + " " + what(address, size)
               + "\n  Usually missing: a __syncthreads() after it was written; or zeros, where a block's last threads load nothing.");
    const Kind kind = Kind((is_shared ? SHARED_READ : GLOBAL_READ) + (atomic ? 2 : writes ? 1 : 0));
    if (counting) counts.add(place, kind, b.current, counted, size);
}
}  // namespace

// What launching.h and fibers.h tell.
void launch_begins(const char *name, unsigned dynamic) {
    launches++;
    kernel = name, dynamic_bytes = dynamic;
    arguments.assign(MOST_ARGUMENTS, 0);
}
void argument_is(int k, uint64_t address) { arguments[k] = address; }
void block_ends() { if (counting) counts.block_ends(); }

void some_have_returned(Block &b, int first, int last, Place here) {
    if (!active || !is_new(GONE, here.line)) return;
    int gone = first;
    while (gone < last && b.threads[gone].state != RETURNED) gone++;
    report({}, format("threads of a block have returned while others wait, in %s:\n  %s:%d: the others wait here; ", kernel.c_str(),
           here.file, here.line) + who(gone, block_number()) + " has returned\n  A barrier or warp function is for all threads: let those that have "
           "nothing to do skip the work, not the barrier (an `if` around the work in place of a `return`).");
}
}  // namespace emulator

using namespace emulator;
#define EXPORT extern "C" __attribute__((visibility("default")))
#define BEHIND_CALL __builtin_return_address(0)

// ranges: begin and bytes of each array that launches may touch, as addresses of the device.
EXPORT void emulated_check_begin(const uint64_t *ranges, int n) {
    if (!is_caller) one_caller.lock(), is_caller = true;
    arrays.clear(), globals.clear(), reports.clear(), told.clear(), shadow.clear(), counts.clear();
    not_told = launches = 0;
    for (int i = 0; i < n; i++) {
        const uint64_t begin = ranges[2 * i] & ~DEVICE_BIT;
        arrays.push_back({begin, begin + ranges[2 * i + 1]});
    }
    set_thread_index({0, 0, 0});                              // this core's thread-local memory is there from now on
    shared = variables(STT_TLS);
#ifdef __linux__
    dl_iterate_phdr([](dl_phdr_info *info, size_t, void *) {
        auto segment = [&](int k) {
            uint64_t begin = info->dlpi_addr + info->dlpi_phdr[k].p_vaddr;
            return Range{begin, begin + info->dlpi_phdr[k].p_memsz};
        };
        bool mine = false;
        for (int k = 0; k < info->dlpi_phnum; k++)
            mine |= info->dlpi_phdr[k].p_type == PT_LOAD && segment(k).holds(reinterpret_cast<uint64_t>(&active));
        if (!mine) return 0;
        library_begin = info->dlpi_addr;
        for (int k = 0; k < info->dlpi_phnum; k++) {
            // What can be written there is also the checker's own and the tables of calls: of that, only the text's variables.
            if (info->dlpi_phdr[k].p_type == PT_LOAD && !(info->dlpi_phdr[k].p_flags & PF_W)) globals.push_back(segment(k));
            if (info->dlpi_phdr[k].p_type != PT_TLS) continue;
            const uint64_t begin = reinterpret_cast<uint64_t>(info->dlpi_tls_data);
            shared_memory = {begin, begin + info->dlpi_phdr[k].p_memsz};
        }
        for (const Variable &v : variables(STT_OBJECT)) globals.push_back({library_begin + v.offset, library_begin + v.offset + v.size});
        return 1;
    }, nullptr);
#else
#error "the checker asks Linux where a library's variables lie"
#endif
    active = true;
}

// What has been found since check_begin, "" if nothing.  The text stands until the next call.
EXPORT const char *emulated_check_end() {
    static std::string text;
    active = counting = false;
    text.clear();
    std::vector<uint32_t> places;
    for (const Report &r : reports) places.insert(places.end(), r.places.begin(), r.places.end());
    const auto lines = lines_of(places);
    for (const Report &r : reports) {
        std::string line = r.text;
        for (size_t k = 0; k < r.places.size(); k++) {
            const size_t at = line.find("@" + std::to_string(k));
            if (at != std::string::npos) line.replace(at, 2, lines.at(r.places[k]));
        }
        text += (text.empty() ? "" : "\n") + line;
    }
    if (not_told) text += format("\nand %zu more", not_told);
    if (is_caller) is_caller = false, one_caller.unlock();
    return text.c_str();
}

// From now to check_end, count the accesses too.
EXPORT void emulated_count() { counting = true; }

// A line for each place in the source and kind of access: "file:line<tab>kind<tab>accesses<tab>transactions<tab>ideal".
EXPORT const char *emulated_counts() {
    static std::string text;
    text.clear();
    std::vector<uint32_t> places;
    counts.each([&](uint32_t place, auto...) { places.push_back(place); });
    const auto lines = lines_of(places);
    counts.each([&](uint32_t place, const char *kind, uint64_t accesses, uint64_t transactions, uint64_t ideal) {
        text += format("%s\t%s\t%lu\t%lu\t%lu\n", lines.at(place).c_str(), kind, accesses, transactions, ideal);
    });
    return text.c_str();
}

// What the compiler calls.
#define SIZED(n) \
    EXPORT void __tsan_read##n(void *p) { access(p, n, false, false, BEHIND_CALL); } \
    EXPORT void __tsan_write##n(void *p) { access(p, n, true, false, BEHIND_CALL); } \
    EXPORT void __tsan_unaligned_read##n(void *p) { access(p, n, false, false, BEHIND_CALL); } \
    EXPORT void __tsan_unaligned_write##n(void *p) { access(p, n, true, false, BEHIND_CALL); } \
    EXPORT void __tsan_volatile_read##n(void *p) { access(p, n, false, false, BEHIND_CALL); } \
    EXPORT void __tsan_volatile_write##n(void *p) { access(p, n, true, false, BEHIND_CALL); }
SIZED(1) SIZED(2) SIZED(4) SIZED(8) SIZED(16)
EXPORT void __tsan_read_range(void *p, size_t n) { access(p, int(n), false, false, BEHIND_CALL); }
EXPORT void __tsan_write_range(void *p, size_t n) { access(p, int(n), true, false, BEHIND_CALL); }
EXPORT void __tsan_init() {}
EXPORT void __tsan_func_entry(void *) {}
EXPORT void __tsan_func_exit() {}
EXPORT void __tsan_vptr_update(void **, void *) {}
EXPORT void __tsan_vptr_read(void **) {}
// atomics.h calls this before it changes a word, in place of what the compiler would.
EXPORT void emulated_atomic_access(const void *p, int n) { access(p, n, true, true, BEHIND_CALL); }

struct SourceLocation { const char *file; uint32_t line, column; };
struct TypeDescriptor { uint16_t kind, info; char name[1]; };
struct OutOfBounds { SourceLocation where; const TypeDescriptor *array, *index; };
EXPORT void __ubsan_handle_out_of_bounds(OutOfBounds *found, uint64_t index) {
    if (!active || !running) return;
    Block &b = *running;
    if (is_new(INDEX, found->where.line)) report({}, format("index %ld is outside of an array of type %s in %s:\n  %s:%u: ",
                                                            long(index), found->array->name, kernel.c_str(),
           base_name(found->where.file).c_str(), found->where.line) + who(b.current, block_number()));
    stop(b);
}
