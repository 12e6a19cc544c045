/*
 * The source of both builds of the loops over cells. Included by pc_cell.c and pc_cell_avx2.c only, each of
 * which gets its own copy and makes a table of it. Both do the same operations in the same order: the same bits.
 *
 * Every bit of every cell is an addition. Adding to tables by six bits at a time would take fewer, but then each
 * bit would have an order of addition of its own, and a share of all be 1 to rounding only.
 */
#include "pc_cell_kernels.h"

#include <string.h>

static uint32_t copy(int64_t n, const char *restrict from, uint32_t *restrict code)
{
    uint32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t one;
        memcpy(&one, from + i * (int64_t)sizeof one, sizeof one);
        most = one > most ? one : most;
        code[i] = one;
    }
    return most;
}

#ifndef PC_CELL_HAS_VECTORS

/* Which of four bits are set, as masks of numbers. */
#define IF_SET(m, j) (0 - (uint64_t)((m) >> (j) & 1))
#define ROW(m) {IF_SET(m, 0), IF_SET(m, 1), IF_SET(m, 2), IF_SET(m, 3)}
static const uint64_t set_bits[16][PC_CELL_NIBBLE] = {
    ROW(0), ROW(1), ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),
    ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
};
#undef IF_SET
#undef ROW

static double sum(int64_t n, const double *restrict x)
{
    double lane[PC_CELL_LANES] = {0.0};
    int64_t i = 0;
    for (; i + PC_CELL_LANES <= n; i += PC_CELL_LANES)
        for (int64_t l = 0; l < PC_CELL_LANES; l++) lane[l] += x[i + l];
    for (; i < n; i++) lane[i % PC_CELL_LANES] += x[i];
    return pc_cell_lanes(lane[0], lane[1], lane[2], lane[3]);
}

static double multiply(int64_t n, const double *restrict weight, const uint32_t *restrict profile,
                       const double *restrict factor, double *restrict x, pc_cell_ahead ahead)
{
    (void)ahead;
    for (int64_t i = 0; i < n; i++) x[i] = pc_cell_product(weight[i], factor[profile[i]]);
    return sum(n, x);
}

static inline void add_cell(double x, const uint64_t *is_set, double *restrict to)
{
    for (int64_t j = 0; j < PC_CELL_NIBBLE; j++) to[j] += pc_cell_where(x, is_set[j]);
}

static void add_nibble(int64_t n, const double *restrict x, const uint32_t *restrict mask,
                       int64_t shift, double *restrict bit)
{
    double lane[PC_CELL_LANES][PC_CELL_NIBBLE] = {{0.0}};
    int64_t i = 0;
    for (; i + PC_CELL_LANES <= n; i += PC_CELL_LANES)
        for (int64_t l = 0; l < PC_CELL_LANES; l++)
            add_cell(x[i + l], set_bits[mask[i + l] >> shift & 15], lane[l]);
    for (; i < n; i++) add_cell(x[i], set_bits[mask[i] >> shift & 15], lane[i % PC_CELL_LANES]);
    for (int64_t j = 0; j < PC_CELL_NIBBLE; j++)
        bit[j] = pc_cell_lanes(lane[0][j], lane[1][j], lane[2][j], lane[3][j]);
}

static inline void add_nibbles(int64_t n, int64_t n_nibbles, const double *x, const uint32_t *mask,
                               int64_t shift, double *bit)
{
    for (int64_t k = 0; k < n_nibbles; k++)
        add_nibble(n, x, mask, shift + PC_CELL_NIBBLE * k, bit + PC_CELL_NIBBLE * k);
}

#endif

static void by_bit(int64_t n, const double *restrict x, const uint32_t *restrict mask,
                   int64_t n_bits, double *restrict bit)
{
    const int64_t n_nibbles = (n_bits + PC_CELL_NIBBLE - 1) / PC_CELL_NIBBLE;
    for (int64_t k = 0; k < n_nibbles; k += PC_CELL_MOST_NIBBLES) {
        const int64_t shift = k * PC_CELL_NIBBLE;
        if (n_nibbles - k >= 3) add_nibbles(n, 3, x, mask, shift, bit + shift);
        else if (n_nibbles - k == 2) add_nibbles(n, 2, x, mask, shift, bit + shift);
        else add_nibbles(n, 1, x, mask, shift, bit + shift);
    }
}

static const pc_cell_kernels kernels = {copy, sum, multiply, by_bit};
