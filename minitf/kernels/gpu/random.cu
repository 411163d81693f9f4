// Random numbers from a counter: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
//
// A generator made for threads: a block of four words is a function of its number alone, so each thread makes its own, and nothing is
// shared or carried on.  The numbers are those of the CPU's kernels (kernels/cpu/random.pyx): uniform ones to the bit, normal ones but for
// the last bits of logarithm, sine and cosine.  A thread fills 16 bytes, one block, with one store.
#include "common.cuh"
#include "pack.cuh"

struct Words {
    unsigned w[4];
    __device__ uint64 wide(int i) const { return w[2 * i] | uint64(w[2 * i + 1]) << 32; }
};

// Block `low` of a stream; `high` counts the attempts where a number must be drawn again.
__device__ Words philox(uint64 key, uint64 low, uint64 high) {
    unsigned c0 = unsigned(low), c1 = unsigned(low >> 32), c2 = unsigned(high), c3 = unsigned(high >> 32);
    unsigned k0 = unsigned(key), k1 = unsigned(key >> 32);
    for (int turn = 0; turn < 10; turn++) {
        uint64 p = uint64(0xD2511F53u) * c0, q = uint64(0xCD9E8D57u) * c2;
        c0 = unsigned(q >> 32) ^ c1 ^ k0;
        c1 = unsigned(q);
        c2 = unsigned(p >> 32) ^ c3 ^ k1;
        c3 = unsigned(p);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// In [0, 1): the upper 24 bits of a word, or the upper 53 of two.
struct Uniform {
    __device__ static void draw(Pack<float> &to, uint64 key, uint64 block) {
        Words words = philox(key, block, 0);
        for (int i = 0; i < 4; i++) to.of[i] = float(int(words.w[i] >> 8)) * (1.0f / (1 << 24));
    }
    __device__ static void draw(Pack<double> &to, uint64 key, uint64 block) {
        Words words = philox(key, block, 0);
        for (int i = 0; i < 2; i++) to.of[i] = double(int64(words.wide(i) >> 11)) * (1.0 / (1LL << 53));
    }
};

// Two normal numbers (Box and Muller, 1958): a radius sqrt(-2 log u) and an angle.  The angle is a quarter turn times the upper two bits of
// v, plus what the rest says, between -1/8 and 1/8 of a turn, where short polynomials (Cephes) give sine and cosine.
__device__ inline void box_muller(float *x, float *y, unsigned u, unsigned v) {
    const float UNIT32 = 1.0f / (1LL << 32), QUARTER_TURN = 1.57079632679489662f;
    float radius = sqrtf(-2 * logf((float(u) + 0.5f) * UNIT32));
    float angle = float(int(v << 2)) * (QUARTER_TURN * UNIT32), z = angle * angle;
    float s = fmaf(z, fmaf(z, -1.9515295891e-4f, 8.3321608736e-3f), -1.6666654611e-1f);
    float c = fmaf(z, fmaf(z, 2.443315711809948e-5f, -1.388731625493765e-3f), 4.166664568298827e-2f);
    float sine = fmaf(angle * z, s, angle), cosine = fmaf(z * z, c, fmaf(z, -0.5f, 1.0f));
    radius = v >> 31 ? -radius : radius;
    *x = radius * (v >> 30 & 1 ? -sine : cosine);
    *y = radius * (v >> 30 & 1 ? cosine : sine);
}

struct Normal {
    __device__ static void draw(Pack<float> &to, uint64 key, uint64 block, uint64 attempt = 0) {
        Words words = philox(key, block, attempt);
        for (int i = 0; i < 4; i += 2) box_muller(&to.of[i], &to.of[i + 1], words.w[i], words.w[i + 1]);
    }
    __device__ static void draw(Pack<double> &to, uint64 key, uint64 block, uint64 attempt = 0) {
        const double UNIT53 = 1.0 / (1LL << 53), TURN = 4 * 1.57079632679489662;
        Words words = philox(key, block, attempt);
        double radius = sqrt(-2 * log((double(words.wide(0) >> 11) + 0.5) * UNIT53)), angle = double(words.wide(1) >> 11) * (TURN * UNIT53);
        to.of[0] = radius * cos(angle);
        to.of[1] = radius * sin(angle);
    }
};

// Normal numbers in (-2, 2); those outside are drawn again until they are inside.
struct Truncated {
    template <class T> __device__ static void draw(Pack<T> &to, uint64 key, uint64 block) {
        const int MANY = 16 / sizeof(T);
        Normal::draw(to, key, block);
        for (uint64 attempt = 1; ; attempt++) {
            int outside = 0;
            for (int i = 0; i < MANY; i++) outside += !(-2 < to.of[i] && to.of[i] < 2);
            if (!outside) return;
            Pack<T> again;
            Normal::draw(again, key, block, attempt);
            for (int i = 0; i < MANY; i++) to.of[i] = -2 < to.of[i] && to.of[i] < 2 ? to.of[i] : again.of[i];
        }
    }
};

// out[0] to out[n - 1] from the blocks `first`, first + 1, ...
template <class Distribution, class T> __device__ void fill(T *out, int n, uint64 key, uint64 first) {
    const unsigned MANY = 16 / sizeof(T);
    bool aligned = uint64(out) % 16 == 0;
    FOR_EACH(block, (n - 1) / MANY + 1) {
        Pack<T> numbers;
        Distribution::draw(numbers, key, first + block);
        if (aligned && (block + 1) * MANY <= unsigned(n)) ((Pack<T> *) out)[block] = numbers;
        else for (unsigned i = 0; i < MANY && block * MANY + i < unsigned(n); i++) out[block * MANY + i] = numbers.of[i];
    }
}

#define DEFINE_FILL(name, Distribution, T, S) \
    extern "C" __global__ void name##_##S(T *out, int n, uint64 key, uint64 first) { fill<Distribution>(out, n, key, first); }
#define DEFINE(T, S)                                                                              \
    DEFINE_FILL(random_uniform, Uniform, T, S) DEFINE_FILL(random_normal, Normal, T, S)           \
    DEFINE_FILL(truncated_normal, Truncated, T, S)
FOR_FLOATS(DEFINE)
#undef DEFINE

// Integers in [minval, maxval), all equally likely (Lemire, 2019, arXiv 1805.10941), two to a block: the upper half of the product of 64
// random bits and the count of values, drawn again where the lower half shows a bias.
template <class T> __device__ void fill_integers(const T *minval, const T *maxval, T *out, int n, uint64 key, uint64 first, int *empty) {
    int64 low = *minval, high = *maxval;
    if (low >= high) {
        complain_at(empty, int(high), low);
        return;
    }
    uint64 span = uint64(high) - uint64(low);
    FOR_EACH(block, (n - 1) / 2 + 1) {
        Words words = philox(key, first + block, 0);
        for (unsigned i = 0; i < 2 && 2 * block + i < unsigned(n); i++) {
            uint64 bits = words.wide(i);
            if (bits * span < span)
                for (uint64 least = (0 - span) % span, attempt = 1; bits * span < least; attempt++)
                    bits = philox(key, first + block, attempt).wide(i);
            out[2 * block + i] = T(uint64(low) + __umul64hi(bits, span));
        }
    }
}
#define DEFINE(T, S)                                                                                                            \
    extern "C" __global__ void random_integers_##S(const T *minval, const T *maxval, T *out, int n, uint64 key, uint64 first, \
                                                   int *empty) {                                                               \
        fill_integers(minval, maxval, out, n, key, first, empty);                                                              \
    }
DEFINE(int, i32)
DEFINE(int64, i64)
