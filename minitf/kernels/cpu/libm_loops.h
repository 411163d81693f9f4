/* Loops over functions of the C library, for float and double, and the table of them: op type, loops.

   These functions are calls, so nothing here is vectorised; what programs spend time in has a polynomial in vector_math.h instead. */
#ifndef MINITF_LIBM_LOOPS_H
#define MINITF_LIBM_LOOPS_H
#include <math.h>
#include <stddef.h>

#define ONE(function, type, suffix)                                                                                                  \
    static void function##_##type(char *o, const char *a, const char *b, const char *c, Py_ssize_t n) {                              \
        for (Py_ssize_t i = 0; i < n; i++) ((type *) o)[i] = function##suffix(((const type *) a)[i]);                                \
    }
#define TWO(function, type, suffix)                                                                                                  \
    static void function##_##type(char *o, const char *a, const char *b, const char *c, Py_ssize_t n) {                              \
        for (Py_ssize_t i = 0; i < n; i++) ((type *) o)[i] = function##suffix(((const type *) a)[i], ((const type *) b)[i]);         \
    }

/* 0 where x is 0, whatever y is: the limits that entropies ask for.  A NaN in x stays. */
static inline float x_log_yf(float x, float y) { return x == 0 ? 0 : x * logf(y); }
static inline double x_log_y(double x, double y) { return x == 0 ? 0 : x * log(y); }
static inline float x_div_yf(float x, float y) { return x == 0 ? 0 : x / y; }
static inline double x_div_y(double x, double y) { return x == 0 ? 0 : x / y; }
static inline float div_no_nanf(float x, float y) { return y == 0 ? 0 : x / y; }
static inline double div_no_nan(double x, double y) { return y == 0 ? 0 : x / y; }

#define FUNCTIONS_OF_ONE(X)                                                                                                          \
    X("Sin", sin) X("Cos", cos) X("Tan", tan) X("Asin", asin) X("Acos", acos) X("Atan", atan) X("Sinh", sinh) X("Cosh", cosh)         \
    X("Asinh", asinh) X("Acosh", acosh) X("Atanh", atanh) X("Erf", erf) X("Erfc", erfc) X("Expm1", expm1) X("Lgamma", lgamma)         \
    X("Rint", rint) X("Round", nearbyint)
#define FUNCTIONS_OF_TWO(X) X("Atan2", atan2) X("Xlogy", x_log_y) X("Xdivy", x_div_y) X("DivNoNan", div_no_nan)

#define DEFINE_ONE(name, function) ONE(function, float, f) ONE(function, double, )
#define DEFINE_TWO(name, function) TWO(function, float, f) TWO(function, double, )
FUNCTIONS_OF_ONE(DEFINE_ONE)
FUNCTIONS_OF_TWO(DEFINE_TWO)

typedef struct {
    const char *name;
    void (*of_floats)(char *, const char *, const char *, const char *, Py_ssize_t);
    void (*of_doubles)(char *, const char *, const char *, const char *, Py_ssize_t);
} LibmLoop;

#define ENTRY(name, function) {name, function##_float, function##_double},
static const LibmLoop LIBM_LOOPS[] = { FUNCTIONS_OF_ONE(ENTRY) FUNCTIONS_OF_TWO(ENTRY) };
#define N_LIBM_LOOPS ((int) (sizeof(LIBM_LOOPS) / sizeof(LIBM_LOOPS[0])))
#endif
