/*
 * The source of both builds of the hot loops. Included by pc_sum.c and pc_sum_avx2.c only, each of which
 * gets its own copy and makes a table of it.
 */
#include "pc_sum.h"

#include <float.h>

static inline uint8_t pack_columns(int64_t n, int64_t n_columns, const uint8_t *const *column,
                                   uint8_t *restrict out)
{
    uint8_t seen = 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t bits = 0;
        for (int64_t j = n_columns - 1; j >= 0; j--) {
            const uint8_t flag = column[j][i];
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

static int split(int64_t n, const double *restrict weight, double anchor, double *restrict hi,
                 double *restrict lo)
{
    int bad = 0;
    for (int64_t i = 0; i < n; i++) {
        const double w = weight[i];
        bad |= !(w >= 0.0) | !(w <= DBL_MAX);
        hi[i] = (w + anchor) - anchor;
        lo[i] = w - hi[i];
    }
    return bad;
}

static void add_part(int64_t n, const uint32_t *restrict code, const uint8_t *restrict bits,
                     const double *restrict hi, const double *restrict lo, int64_t stride,
                     int64_t first, double *restrict table)
{
    double *start = table + first;
    for (int64_t i = 0; i < n; i++) {
        double *cell = start + (int64_t)code[i] * stride + 2 * bits[i];
        cell[0] += hi[i];
        cell[1] += lo[i];
    }
}

static void count(int64_t n, const uint32_t *restrict code, int64_t stride,
                  double *restrict table)
{
    for (int64_t i = 0; i < n; i++) table[(int64_t)code[i] * stride] += 1.0;
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

static const pc_sum_kernels kernels = {pack, split, add_part, count, add_record};
