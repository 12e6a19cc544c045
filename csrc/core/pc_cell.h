/*
 * Sums over the cells of a profile table, by group. A cell is what the rows of one group and deprivation
 * profile add up to. With the weight w of cell c and its profile p,
 *
 *   sum[g, f]    = sum over the cells of group g of w[c] factor[f, p]
 *   bit[g, f, j] = the same over the cells whose profile has bit j
 *
 * A factor is a number per profile: 1 where the profile is poor, its score where it is, ... One that is 0 takes
 * the cell out, whatever its weight.
 *
 * Order of addition. Cell i of a group, from 0, goes to sum i mod 4 of four, and these are added as (0 + 1) +
 * (2 + 3); of each sum of a group, whatever its factor and bit, with 0 for cells that do not count. So sums over
 * the same cells are the same bits, and with weights and factors >= 0 no sum over fewer cells is larger: a share
 * of all is 1 exactly, and none is more. After PC_BLOCK cells of a group its sums are put aside (pc_two_sum.h):
 * no sum of more than 512 terms is plain, and the relative error stays below 6e-14.
 *
 * Neither the number of threads nor the build of the loops changes a bit.
 */
#ifndef PC_CELL_H
#define PC_CELL_H

#include "pc_column.h"
#include "pc_context.h"

enum { PC_CELL_MOST_BITS = 64, PC_CELL_MOST_PROFILES = 1 << 30 };

/* Cells in the order of their groups. The columns have one length. */
typedef struct pc_cells {
    int64_t n_groups;
    const int64_t *start;     /* [n_groups + 1] the first cell of each group; 0 .. the number of cells */
    const pc_column *profile; /* integers 0 .. n_profiles - 1 of the factors; not read where all factors are 1 of
                               * every profile and no bits are asked for */
    const pc_column *weight;  /* any type but text; what is missing or not finite counts as such */
} pc_cells;

typedef struct pc_cell_factors {
    int64_t n_profiles, n; /* profiles: 0 .. PC_CELL_MOST_PROFILES */
    const double *factor;  /* [n][n_profiles] */
    int64_t n_by_bit;      /* 0 .. n: the first so many have sums by bit too */
    int64_t n_bits;        /* 0 .. PC_CELL_MOST_BITS */
    const uint64_t *mask;  /* [n_profiles] the bits of each profile; NULL: those of its number */
} pc_cell_factors;

/* sum [n_groups][n], bit [n_groups][n_by_bit][n_bits]: all of them are written, 0 for a group without
 * cells. On ctx->n_threads threads; O(cells (n + n_by_bit n_bits / 4) + groups + n profiles).
 *
 * Fails with PC_ERR_LENGTH, TYPE, LIMIT, GROUP ("start": the first that goes down, or beyond the cells;
 * "profile": the first cell whose profile is outside its range), MEMORY, INTERRUPTED; sum and bit are then
 * unspecified. Takes 56 KiB and 24 bytes a sum of one group for each thread. */
pc_status pc_cell_sums(pc_context *ctx, const pc_cells *cells, const pc_cell_factors *factors,
                       double *sum, double *bit);

#endif
