/*
 * The source of both builds of the hot loops. Included by pc_sum.c and pc_sum_avx2.c only, each of which
 * gets its own copy and makes a table of it.
 */
#include "pc_sum.h"

#include <float.h>

static inline uint8_t pack_columns(int64_t n, int64_t n_columns, const uint8_t *const *column,
                                   uint8_t *restrict out)
{
    const uint8_t *restrict flags[8] = {0}; /* out, being bytes, might otherwise alias the pointers */
    uint8_t seen = 0;
    for (int64_t j = 0; j < n_columns; j++) flags[j] = column[j];
    for (int64_t i = 0; i < n; i++) {
        uint8_t bits = 0;
        for (int64_t j = n_columns - 1; j >= 0; j--) {
            const uint8_t flag = flags[j][i];
            seen |= flag;
            bits = (uint8_t)(2 * bits + (flag & 1));
        }
        out[i] = bits;
    }
    return seen;
}

/* A constant number of columns lets the compiler keep the columns in registers and go over rows in
 * vectors. */
static uint8_t pack(int64_t n, int64_t n_columns, const uint8_t *const *column, uint8_t *out)
{
    switch (n_columns) {
    case 1: return pack_columns(n, 1, column, out);
    case 2: return pack_columns(n, 2, column, out);
    case 3: return pack_columns(n, 3, column, out);
    case 4: return pack_columns(n, 4, column, out);
    case 5: return pack_columns(n, 5, column, out);
    case 6: return pack_columns(n, 6, column, out);
    default: return pack_columns(n, n_columns, column, out);
    }
}

static void fetch(const void *start, int64_t n_bytes)
{
#ifdef PC_SUM_FETCH
    enum { CACHE_LINE = 64 };
    for (int64_t b = 0; b < n_bytes; b += CACHE_LINE) PC_SUM_FETCH((const char *)start + b);
#else
    (void)start;
    (void)n_bytes;
#endif
}

static int check(int64_t n, const double *restrict amount)
{
    int64_t bad = 0; /* as wide as the numbers: so the comparisons stay in vectors */
    for (int64_t i = 0; i < n; i++) {
        const int64_t not_least = amount[i] >= 0.0 ? 0 : 1;
        const int64_t not_most = amount[i] <= DBL_MAX ? 0 : 1;
        bad |= not_least | not_most;
    }
    return bad != 0;
}

static void split(int64_t n, const double *restrict weight, double anchor, double *restrict out)
{
    for (int64_t i = 0; i < n; i++) {
        const double w = weight[i], hi = (w + anchor) - anchor;
        out[2 * i] = hi;
        out[2 * i + 1] = w - hi;
    }
}

static inline void add_pairs(int64_t n, const uint32_t *restrict code,
                             const uint8_t *restrict bits, const double *restrict pair,
                             int64_t stride, int64_t first, int has_count, double *restrict table)
{
    for (int64_t i = 0; i < n; i++) {
        double *record = table + (int64_t)code[i] * stride;
        double *cell = record + first + 2 * bits[i];
        cell[0] += pair[2 * i];
        cell[1] += pair[2 * i + 1];
        if (has_count) record[0] += 1.0;
    }
}

static void add_part(int64_t n, const uint32_t *code, const uint8_t *bits, const double *pair,
                     int64_t stride, int64_t first, int has_count, double *table)
{
    if (has_count) add_pairs(n, code, bits, pair, stride, first, 1, table);
    else add_pairs(n, code, bits, pair, stride, first, 0, table);
}

static void add_profile(int64_t n, const uint32_t *restrict code, const uint8_t *restrict low,
                        const uint8_t *restrict high, const double *restrict pair,
                        int64_t stride, double *restrict table)
{
    for (int64_t i = 0; i < n; i++) {
        double *cell = table + (int64_t)code[i] * stride + 3 * (low[i] + 256 * high[i]);
        cell[0] += pair[2 * i];
        cell[1] += pair[2 * i + 1];
        cell[2] += 1.0;
    }
}

static void add_record(int64_t n, const uint32_t *restrict code, const double *restrict x,
                       int64_t width, double *restrict table)
{
    for (int64_t i = 0; i < n; i++) {
        double *restrict sum = table + (int64_t)code[i] * 2 * width;
        double *restrict error = sum + width;
        const double *restrict row = x + i * width;
        for (int64_t k = 0; k < width; k++) {
            const double old = sum[k], total = old + row[k], part = total - old;
            error[k] += (old - (total - part)) + (row[k] - part);
            sum[k] = total;
        }
    }
}

static const pc_sum_kernels kernels = {pack, fetch, check, split, add_part, add_profile, add_record};
