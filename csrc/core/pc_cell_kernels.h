/*
 * Internal to pc_cell: its loops over cells, in two builds (pc_cell_loops.h). Cell i goes to sum i mod 4 of
 * four.
 */
#ifndef PC_CELL_KERNELS_H
#define PC_CELL_KERNELS_H

#include "pc_cpu.h"

#include <stdint.h>
#include <string.h>

enum { PC_CELL_LANES = 4, PC_CELL_NIBBLE = 4, PC_CELL_MOST_NIBBLES = 3, PC_CELL_WORD = 32 };

/* Cells further on, to be fetched while others are multiplied: memory is idle then. Of four and of eight bytes. */
typedef struct pc_cell_ahead {
    const char *profile, *weight;
} pc_cell_ahead;

typedef struct pc_cell_kernels {
    /* code [n] from n numbers of four bytes, aligned or not; gives the largest. */
    uint32_t (*copy)(int64_t n, const char *from, uint32_t *code);

    /* The sum of x [n]. */
    double (*sum)(int64_t n, const double *x);

    /* x[i] = weight[i] factor[profile[i]], 0 where the factor is 0; gives their sum. */
    double (*multiply)(int64_t n, const double *weight, const uint32_t *profile,
                       const double *factor, double *x, pc_cell_ahead ahead);

    /* bit[j] = the sum of x[i] where mask[i] has bit j, for the first n_bits <= PC_CELL_WORD bits; bit has
     * room for a multiple of PC_CELL_NIBBLE. x and mask are read to the n-th only. */
    void (*by_bit)(int64_t n, const double *x, const uint32_t *mask, int64_t n_bits, double *bit);
} pc_cell_kernels;

static inline double pc_cell_lanes(double a, double b, double c, double d)
{
    return (a + b) + (c + d);
}

/* x where is_set is all ones, 0 where it is 0: no branch. */
static inline double pc_cell_where(double x, uint64_t is_set)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= is_set;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline double pc_cell_product(double weight, double factor)
{
    return pc_cell_where(weight * factor, 0 - (uint64_t)(factor != 0.0));
}

const pc_cell_kernels *pc_cell_kernels_avx2(void); /* NULL where there are none */

#endif
