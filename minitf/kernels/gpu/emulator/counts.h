// How many transactions a warp's accesses take: what coalescing and bank conflicts are about.
//
// The 32 threads of a warp access memory together.  Global memory moves in sectors of 32 bytes: what counts is how many different sectors
// the warp touches.  Shared memory has 32 banks of 4 bytes, each of which serves one word at a time: what counts is the bank with the most
// words. Here a thread runs alone until it waits, so the warp's accesses are put together afterwards: each thread's n-th access from one
// instruction belongs to one of the warp.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace emulator {
enum Kind { GLOBAL_READ, GLOBAL_WRITE, GLOBAL_ATOMIC, SHARED_READ, SHARED_WRITE, SHARED_ATOMIC };
inline const char *const KINDS[] = {"global read", "global write", "global atomic", "shared read", "shared write", "shared atomic"};

class Counts {
    struct Total { uint64_t accesses = 0, transactions = 0, ideal = 0; };
    struct Together { int size; std::vector<uint64_t> addresses; };      // of one instruction of one warp
    struct Site {
        std::vector<uint32_t> times;                          // how often each thread of the block has come here
        std::vector<std::vector<Together>> warps;
    };
    std::map<std::pair<uint32_t, Kind>, Site> block;
    std::map<std::pair<uint32_t, Kind>, Total> totals;

    static uint64_t sectors(const Together &t) {
        std::vector<uint64_t> s;
        for (uint64_t a : t.addresses) for (uint64_t k = a / 32; k <= (a + t.size - 1) / 32; k++) s.push_back(k);
        std::sort(s.begin(), s.end());
        return std::unique(s.begin(), s.end()) - s.begin();
    }
    // Words of 8 bytes are served to half a warp at a time, of 16 bytes to a quarter.
    static uint64_t phases(const Together &t) { return std::max(1, t.size / 4); }
    static uint64_t bank_turns(const Together &t) {
        const size_t lanes = std::max<size_t>(1, 32 / phases(t));
        uint64_t turns = 0;
        for (size_t begin = 0; begin < t.addresses.size(); begin += lanes) {
            std::vector<uint64_t> words[32];
            for (size_t i = begin; i < std::min(begin + lanes, t.addresses.size()); i++)
                for (uint64_t w = t.addresses[i] / 4; w <= (t.addresses[i] + t.size - 1) / 4; w++) {
                    auto &bank = words[w % 32];
                    if (std::find(bank.begin(), bank.end(), w) == bank.end()) bank.push_back(w);
                }
            size_t most = 0;
            for (auto &bank : words) most = std::max(most, bank.size());
            turns += most;
        }
        return turns;
    }

public:
    void clear() { block.clear(), totals.clear(); }

    void add(uint32_t place, Kind kind, int thread, uint64_t address, int size) {
        Site &site = block[{place, kind}];
        if (site.times.empty()) site.times.resize(1024), site.warps.resize(32);
        auto &warp = site.warps[thread / 32];
        uint32_t n = site.times[thread]++;
        if (n >= warp.size()) warp.resize(n + 1, {size, {}});
        warp[n].addresses.push_back(address);
    }
    void block_ends() {
        for (auto &[key, site] : block) {
            Total &total = totals[key];
            for (auto &warp : site.warps) for (Together &t : warp) {
                total.accesses += t.addresses.size();
                if (key.second < SHARED_READ) {
                    total.transactions += sectors(t);
                    // Least: all threads side by side; or all at one address
                    std::vector<uint64_t> a = t.addresses;
                    std::sort(a.begin(), a.end());
                    uint64_t different = std::unique(a.begin(), a.end()) - a.begin();
                    total.ideal += (different * t.size + 31) / 32;
                } else {
                    total.transactions += bank_turns(t);
                    total.ideal += (t.addresses.size() * phases(t) + 31) / 32;
                }
            }
        }
        block.clear();
    }
    template <class Tell> void each(Tell tell) const {
        for (auto &[key, t] : totals) tell(key.first, KINDS[key.second], t.accesses, t.transactions, t.ideal);
    }
};
}  // namespace emulator
