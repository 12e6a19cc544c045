/*
 * The hot loops: packing flags, checking and splitting weights, adding rows to cells.
 *
 * Three ways to add were measured (28 million rows, 12 flags, two threads). A row adds its weight to
 *   records   one sum per flag: 13 additions a row;
 *   profiles  one cell per combination of flags: one addition, but 2^12 cells a group;
 *   parts     the flags are cut into parts of a few bits, a cell per combination within a part: two
 *             to four additions. The sums are read off the cells at the end. This is what is done.
 * A cell holds (hi, lo): the weight split by pc_total's rule; both are added at once. Naive (w, n)
 * cells are 1.1 times faster and drift; two-sum is 1.3 times slower and no better.
 *
 * The loops are written once (pc_sum_loops.h) and compiled twice, portable and for AVX2, with the same
 * bits: packing is integer work, and additions happen in row order.
 */
#ifndef PC_SUM_H
#define PC_SUM_H

#include "pc_cpu.h"

#include <stdint.h>

typedef struct pc_sum_kernels {
    /* out[i] = the n_columns flags of row i, first column in the lowest bit; returns all bytes or-ed
     * together, so that a value other than 0 and 1 shows. n_columns <= 8. */
    uint8_t (*pack)(int64_t n, int64_t n_columns, const uint8_t *const *column, uint8_t *out);

    /* Ask for bytes that will be needed a block later: twelve columns are more streams than the
     * processor follows by itself. No effect but on time; need not be readable. */
    void (*fetch)(const void *start, int64_t n_bytes);

    /* Not 0 when some amount is negative, infinite or NaN. */
    int (*check)(int64_t n, const double *amount);

    /* weight[i] = split[2i] + split[2i + 1] exactly, the former a multiple of the unit that `anchor`
     * stands for (see pc_sum_anchor): hi and lo. */
    void (*split)(int64_t n, const double *weight, double anchor, double *split);

    /* cell (hi, lo) at table + code[i] * stride + first + 2 * bits[i] gets split[2i], split[2i + 1];
     * with has_count, table[code[i] * stride] counts one more row. */
    void (*add_part)(int64_t n, const uint32_t *code, const uint8_t *bits, const double *split,
                     int64_t stride, int64_t first, int has_count, double *table);

    /* cell (hi, lo, n) at table + code[i] * stride + 3 * (low[i] + 256 * high[i]) gets split[2i],
     * split[2i + 1] and one more row. */
    void (*add_profile)(int64_t n, const uint32_t *code, const uint8_t *low, const uint8_t *high,
                        const double *split, int64_t stride, double *table);

    /* Row i adds its `width` numbers x[i * width ...] to sums and their two-sum errors: record
     * code[i] holds width sums, then width errors. width is a multiple of 4. */
    void (*add_record)(int64_t n, const uint32_t *code, const double *x, int64_t width,
                       double *table);
} pc_sum_kernels;

const pc_sum_kernels *pc_sum_kernels_for(pc_simd simd);

/* Adding and subtracting the anchor rounds a number to a multiple of 2^-14 times the power of two of
 * `weight` (> 0, finite): sums of up to 2^39 such weights are exact. */
double pc_sum_anchor(double weight);

#endif
