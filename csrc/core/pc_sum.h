/*
 * The hot loops: packing flags, checking weights, adding rows to slots (pc_record).
 *
 * Ways to add 12 flags that were measured (28 million rows, two threads; ms for 200 and 11,000 groups):
 *   cells    the flags are cut into parts of six, a weight per combination within a part, and the sums are
 *            read off at the end: two additions a row, but 1 KB a group (52, 165). For few groups.
 *   flags    a sum per flag, four at a time, the weight where the flag is 1 and else 0: 128 bytes a group
 *            (67, 93). For many.
 *
 * The loops are written once (pc_sum_loops.h) and compiled twice, portable and for AVX2, with the same
 * bits: packing is integer work, and additions to one number happen in row order.
 */
#ifndef PC_SUM_H
#define PC_SUM_H

#include "pc_cpu.h"

#include <stdint.h>

/* What the next block of rows will read: memory is idle while rows are added, and so it is fetched then.
 * Without effect but on time; need not be readable. */
enum { PC_SUM_STREAMS = 18 };
typedef struct pc_sum_ahead {
    int64_t n;
    const char *start[PC_SUM_STREAMS];
    int64_t row_bytes[PC_SUM_STREAMS];
} pc_sum_ahead;

enum { PC_SUM_BAD = 1, PC_SUM_ZERO = 2 };

typedef struct pc_sum_kernels {
    /* out[i] = the n_columns flags of row i, first column in the lowest bit; returns all bytes or-ed
     * together, so that a value other than 0 and 1 shows. n_columns <= 8. */
    uint8_t (*pack)(int64_t n, int64_t n_columns, const uint8_t *const *column, uint8_t *out);

    /* Ask for bytes that will be needed a block later: twelve columns are more streams than the
     * processor follows by itself. No effect but on time; need not be readable. */
    void (*fetch)(const void *start, int64_t n_bytes);

    /* PC_SUM_BAD when some amount is negative, infinite or NaN; or-ed with PC_SUM_ZERO when one is 0. */
    int (*check)(int64_t n, const double *amount);

    /* code = code * factor + shift */
    void (*scale)(int64_t n, uint32_t factor, uint32_t shift, uint32_t *code);

    /* Rows first .. n-1: weight[i] and 1 are added to two numbers at table + at[i]. Stops behind the row
     * with which the second number reaches `most`; returns the row to go on with, n at the end. */
    int64_t (*add_pairs)(int64_t first, int64_t n, const uint32_t *at, const double *weight,
                         double most, double *table, const pc_sum_ahead *ahead);

    /* first + i for the pairs i < n at table + 2 * i whose second number is not 0; returns how many. n is a
     * multiple of 4, and found has room for 4 more than there are. */
    int64_t (*find_pairs)(int64_t n, const double *table, uint32_t first, uint32_t *found);

    /* Copy n_bytes, a multiple of 64, from and to where a line of the cache begins, past the cache: what is
     * written will not be read soon. Other threads can see it after settle(). */
    void (*stream)(void *to, const void *from, int64_t n_bytes);
    void (*settle)(void);

    /* Like add_pairs, for slots of 4 * n_parts numbers at table + at[i]: weight, 1, and the weight of each flag
     * that is 1. bits[0] has the first two flags of each row, bits[1] the next four, and so on. */
    int64_t (*add_flags)(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const uint8_t *const *bits, const double *weight, double most,
                         double *table, const pc_sum_ahead *ahead);

    /* Like add_flags, for lean slots: `width` numbers at table + width * at[i], of which the first takes the weight and
     * the others that of each flag that is 1, and a count at count + at[i]. width is 1, 2 or 4; bits [n] the flags. */
    int64_t (*add_lean)(int64_t first, int64_t n, const uint32_t *at, int64_t width, const uint8_t *bits,
                        const double *weight, uint16_t most, double *table, uint16_t *count,
                        const pc_sum_ahead *ahead);

    /* The same as add_flags for slots of n_parts times 64 numbers behind the second one: the weight is added to number
     * bits[p][i] of each part p. */
    int64_t (*add_cells)(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const uint8_t *const *bits, const double *weight, double most,
                         double *table, const pc_sum_ahead *ahead);

    /* out[4 * i + k] = column[k][i] of four columns. */
    void (*interleave)(int64_t n, const double *const *column, double *out);

    /* The same as add_flags for slots of 4 * n_parts numbers: row i adds part[p][4 * i ...] to the four of
     * each part p, and unless `rest` is NULL rest[i] to the number behind them. The second number of the
     * first part is 1. */
    int64_t (*add_parts)(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const double *const *part, const double *rest, double most,
                         double *table);

    /* Row i adds its `width` numbers x[i * width ...] to sums and their two-sum errors: the record at
     * table + at[i] holds width sums, then width errors. width is a multiple of 4. */
    void (*add_record)(int64_t n, const uint32_t *at, const double *x, int64_t width,
                       double *table);
} pc_sum_kernels;

const pc_sum_kernels *pc_sum_kernels_for(pc_simd simd);

#endif
