// Who has touched each word of memory: what it takes to see that two threads race.
//
// Two accesses to one word race when they come from different threads, one of them writes, they are not both atomic, and no barrier lies
// between them.  Whether that shows in the results depends on the order in which the threads happened to run; the rule does not.  Blocks
// of one launch are never ordered; launches always are.
#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace emulator {
struct Access {
    uint32_t launch = 0;                                      // number of the launch; 0: nobody's
    uint32_t block = 0;                                       // its number in the grid
    uint32_t barriers = 0;                                    // how many __syncthreads() the block had passed,
    uint16_t meetings = 0;                                    // and how many __syncwarp() the warp
    uint16_t thread = 0;
    uint32_t place = 0;                                       // address of the instruction, within the library
    bool atomic = false;
};

inline bool ordered(const Access &a, const Access &b) {
    if (a.launch != b.launch) return true;
    if (a.block != b.block) return false;
    return a.thread == b.thread || a.barriers != b.barriers || (a.thread / 32 == b.thread / 32 && a.meetings != b.meetings);
}

// Blocks run one after the other here, so of earlier blocks one access of each kind is enough, and of this block two reads by different
// threads.
struct Word {
    Access write, write_of_other, read, read_of_other_thread, read_of_other;

    // The access that races with this one, or null; remembers this one.
    const Access *touch(const Access &now, bool writes) {
        const Access *found = nullptr;
        auto races = [&](const Access &before) {
            if (before.launch && !(before.atomic && now.atomic) && !ordered(before, now)) found = &(conflict = before);
        };
        races(write_of_other), races(write);
        if (writes) races(read_of_other), races(read_of_other_thread), races(read);
        Access &last = writes ? write : read;
        if (last.launch && (last.launch != now.launch || last.block != now.block)) (writes ? write_of_other : read_of_other) = last;
        else if (!writes && last.thread != now.thread && !keeps(last, now)) read_of_other_thread = last;
        last = now;
        return found;
    }
    static inline Access conflict;

    // A reader of another warp is worth more than one of this warp: a __syncwarp() does not order it.
    bool keeps(const Access &last, const Access &now) const {
        const Access &other = read_of_other_thread;
        return other.launch == now.launch && other.block == now.block && other.barriers == now.barriers
            && other.thread / 32 != now.thread / 32 && last.thread / 32 == now.thread / 32;
    }
};

// The words of all memory that was touched, in pages.  A word is 4 bytes, or 1 in a page of which single bytes are touched.
class Shadow {
    struct Page { int shift; std::unique_ptr<Word[]> words; };
    std::unordered_map<uintptr_t, Page> pages;
    static constexpr uintptr_t PAGE = 4096;
    uintptr_t last_number = 0;
    Page *last = nullptr;

    Page &page_of(uintptr_t address, int size) {
        uintptr_t number = address / PAGE;
        if (number != last_number || last == nullptr) {
            Page &page = pages[number];
            if (!page.words) page.shift = 2, page.words.reset(new Word[PAGE / 4]);
            last_number = number, last = &page;
        }
        if (last->shift && ((size | address) & 3)) {
            std::unique_ptr<Word[]> bytes(new Word[PAGE]);
            for (uintptr_t i = 0; i < PAGE; i++) bytes[i] = last->words[i / 4];
            last->shift = 0, last->words = std::move(bytes);
        }
        return *last;
    }

public:
    void clear() { pages.clear(), last = nullptr; }

    // Call visit(word) for each word of an access.
    template <class Visit> void each(uintptr_t address, int size, Visit visit) {
        for (uintptr_t a = address; a < address + size;) {
            Page &page = page_of(a, size);
            visit(page.words[a % PAGE >> page.shift]);
            a = ((a >> page.shift) + 1) << page.shift;
        }
    }
};
}  // namespace emulator
