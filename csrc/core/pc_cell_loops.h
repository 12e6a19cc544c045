/*
 * The source of both builds of the loops over cells. Included by pc_cell.c and pc_cell_avx2.c only, each of
 * which gets its own copy and makes a table of it. Both do the same operations in the same order: the same bits.
 *
 * Bits are taken four at a time: a row of pc_cell_set says of each whether it is set, as a mask of a number, and
 * twelve bits have a sum in a register for each of the four lanes. (Adding to tables by six bits at a time takes
 * fewer operations, but then every bit has an order of addition of its own.)
 */
#include "pc_cell_kernels.h"

#include <string.h>

enum { MOST_NIBBLES = 3 }; /* at a time */

#ifndef PC_CELL_HAS_VECTORS

static double sum(int64_t n, const double *restrict x)
{
    double lane[PC_CELL_LANES] = {0.0};
    for (int64_t i = 0; i < n; i++) lane[i % PC_CELL_LANES] += x[i];
    return pc_cell_lanes(lane[0], lane[1], lane[2], lane[3]);
}

static double multiply(int64_t n, const double *restrict weight, const uint32_t *restrict profile,
                       const double *restrict factor, double *restrict x)
{
    for (int64_t i = 0; i < n; i++) x[i] = pc_cell_product(weight[i], factor[profile[i]]);
    return sum(n, x);
}

static inline double if_set(double x, uint64_t is_set)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= is_set;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline void add_nibbles(int64_t n, int64_t n_nibbles, const double *restrict x,
                               const uint32_t *restrict mask, int shift, double *restrict bit)
{
    double lane[PC_CELL_LANES][MOST_NIBBLES * PC_CELL_NIBBLE] = {{0.0}};
    for (int64_t i = 0; i < n; i++) {
        double *to = lane[i % PC_CELL_LANES];
        for (int64_t k = 0; k < n_nibbles; k++) {
            const uint64_t *is_set = pc_cell_set[mask[i] >> shift >> PC_CELL_NIBBLE * k & 15];
            for (int64_t j = 0; j < PC_CELL_NIBBLE; j++)
                to[PC_CELL_NIBBLE * k + j] += if_set(x[i], is_set[j]);
        }
    }
    for (int64_t j = 0; j < PC_CELL_NIBBLE * n_nibbles; j++)
        bit[j] = pc_cell_lanes(lane[0][j], lane[1][j], lane[2][j], lane[3][j]);
}

#endif

static void by_bit(int64_t n, const double *restrict x, const uint32_t *restrict mask,
                   int64_t n_bits, double *restrict bit)
{
    const int64_t n_nibbles = (n_bits + PC_CELL_NIBBLE - 1) / PC_CELL_NIBBLE;
    for (int64_t k = 0; k < n_nibbles; k += MOST_NIBBLES) {
        const int shift = (int)k * PC_CELL_NIBBLE;
        if (n_nibbles - k >= 3) add_nibbles(n, 3, x, mask, shift, bit + shift);
        else if (n_nibbles - k == 2) add_nibbles(n, 2, x, mask, shift, bit + shift);
        else add_nibbles(n, 1, x, mask, shift, bit + shift);
    }
}

static const pc_cell_kernels kernels = {sum, multiply, by_bit};
