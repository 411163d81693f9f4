// What the 32 threads of a warp do together: hand values to each other, and vote.
//
// The mask of lanes is not looked at: every lane of the warp that has not returned takes part, as kernels here ask for.
#pragma once

namespace emulator {
inline UNSEEN int lane() { return running ? running->current % WARP : 0; }

// The value that lane `from` of the same warp gives.  Two rounds' values are kept: a lane may begin the next round before all have read.
template <class T> UNSEEN T exchange(Place here, T value, int from) {
    static_assert(sizeof(T) <= 8, "a shuffle hands over numbers of up to 8 bytes");
    if (!running) not_a_fiber(here);
    Block &b = *running;
    Warp &w = b.warps[b.current / WARP];
    uint64_t *values = w.values[w.rounds & 1];
    __builtin_memcpy(&values[b.current % WARP], &value, sizeof value);
    bool there = w.live >> from & 1;
    meet(here);
    if (there) __builtin_memcpy(&value, &values[from], sizeof value);
    return value;
}
// The four ways to name a lane.  `width` lanes (a power of two) form a group of their own; who would leave it keeps its own value.
template <class T> UNSEEN T shuffle(Place here, unsigned, T value, int from, int width = WARP) {
    return exchange(here, value, (lane() & -width) + (from & (width - 1)));
}
template <class T> UNSEEN T shuffle_down(Place here, unsigned, T value, unsigned delta, int width = WARP) {
    int me = lane(), from = me + int(delta);
    return exchange(here, value, from < (me & -width) + width ? from : me);
}
template <class T> UNSEEN T shuffle_up(Place here, unsigned, T value, unsigned delta, int width = WARP) {
    int me = lane(), from = me - int(delta);
    return exchange(here, value, from >= (me & -width) ? from : me);
}
template <class T> UNSEEN T shuffle_xor(Place here, unsigned, T value, int mask, int width = WARP) {
    int me = lane(), from = me ^ mask;
    return exchange(here, value, from < (me & -width) + width ? from : me);
}
// One bit of each lane.
inline UNSEEN unsigned ballot(Place here, unsigned, int aye) {
    if (!running) not_a_fiber(here);
    Block &b = *running;
    Warp &w = b.warps[b.current / WARP];
    uint64_t *values = w.values[w.rounds & 1];
    values[b.current % WARP] = aye != 0;
    uint32_t live = w.live;
    meet(here);
    unsigned bits = 0;
    for (int i = 0; i < WARP; i++) if (live >> i & 1) bits |= unsigned(values[i]) << i;
    return bits;
}
}  // namespace emulator

#define __shfl_sync(...) emulator::shuffle(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_down_sync(...) emulator::shuffle_down(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_up_sync(...) emulator::shuffle_up(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_xor_sync(...) emulator::shuffle_xor(EMULATOR_HERE, __VA_ARGS__)
#define __ballot_sync(mask, p) emulator::ballot(EMULATOR_HERE, mask, (p) ? 1 : 0)
#define __any_sync(mask, p) int(emulator::ballot(EMULATOR_HERE, mask, (p) ? 1 : 0) != 0)
#define __all_sync(mask, p) int(emulator::ballot(EMULATOR_HERE, mask, (p) ? 0 : 1) == 0)
