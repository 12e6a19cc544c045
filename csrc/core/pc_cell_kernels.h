/*
 * Internal to pc_cell: its loops over cells, in two builds (pc_cell_loops.h). Cell i goes to sum i mod 4 of
 * four.
 */
#ifndef PC_CELL_KERNELS_H
#define PC_CELL_KERNELS_H

#include "pc_cpu.h"

#include <stdint.h>

enum { PC_CELL_LANES = 4, PC_CELL_NIBBLE = 4, PC_CELL_WORD = 32 };

typedef struct pc_cell_kernels {
    /* The sum of x [n]. */
    double (*sum)(int64_t n, const double *x);

    /* x[i] = weight[i] factor[profile[i]], 0 where the factor is 0; gives their sum. */
    double (*multiply)(int64_t n, const double *weight, const uint32_t *profile,
                       const double *factor, double *x);

    /* bit[j] = the sum of x[i] where mask[i] has bit j, for the first n_bits <= PC_CELL_WORD bits; bit has
     * room for a multiple of PC_CELL_NIBBLE. */
    void (*by_bit)(int64_t n, const double *x, const uint32_t *mask, int64_t n_bits, double *bit);
} pc_cell_kernels;

const pc_cell_kernels *pc_cell_kernels_avx2(void); /* NULL where there are none */

/* Which of four bits are set, as masks of numbers. */
#define PC_CELL_IF_SET(m, j) (0 - (uint64_t)((m) >> (j) & 1))
#define PC_CELL_ROW(m)                                                                             \
    {                                                                                              \
        PC_CELL_IF_SET(m, 0), PC_CELL_IF_SET(m, 1), PC_CELL_IF_SET(m, 2), PC_CELL_IF_SET(m, 3)     \
    }
static _Alignas(32) const uint64_t pc_cell_set[16][PC_CELL_NIBBLE] = {
    PC_CELL_ROW(0),  PC_CELL_ROW(1),  PC_CELL_ROW(2),  PC_CELL_ROW(3),
    PC_CELL_ROW(4),  PC_CELL_ROW(5),  PC_CELL_ROW(6),  PC_CELL_ROW(7),
    PC_CELL_ROW(8),  PC_CELL_ROW(9),  PC_CELL_ROW(10), PC_CELL_ROW(11),
    PC_CELL_ROW(12), PC_CELL_ROW(13), PC_CELL_ROW(14), PC_CELL_ROW(15),
};

static inline double pc_cell_lanes(double a, double b, double c, double d)
{
    return (a + b) + (c + d);
}

static inline double pc_cell_product(double weight, double factor)
{
    return factor != 0.0 ? weight * factor : 0.0;
}

#endif
