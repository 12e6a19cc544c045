/*
 * Variances and covariances of estimates that are spread over sampling units: what linearisation
 * comes to once every estimate is a sum z of parts, one per unit.
 *
 *   m_h = sum of z over stratum h / n_h         units without a part count as 0
 *   x_c = sqrt(factor_h) (z_c - m_h)            c in h, for the strata in which the row has parts
 *   V   = sum over labels of x x'               x of equal labels added up first
 *
 * factor is (1 - f) n/(n - 1). A label says which units are the same unit of another period; where
 * none is shared, V is the sum over strata of factor sum (z - m)(z - m)'. Strata of the first stage
 * hold PSUs; a PSU is the "stratum" of its second-stage units. (Cochran 1977, Sampling Techniques,
 * (11.24); waves: Kish 1965, Survey Sampling, 12.4.)
 *
 * Arithmetic: squares of centred parts only, never a difference of two sums of squares, so that
 * totals far from 0 keep their variance. Every result is added up in the order of the units, by one
 * thread: the same bits for any number of threads.
 *
 * Indexes are checked where they are used: the arrays are the host's, and may change during the
 * call. All sizes and indexes are int64; rows and units at most PC_LINVAR_MOST, which callers see to;
 * buffers do not overlap.
 */
#ifndef PC_LINVAR_H
#define PC_LINVAR_H

#include "pc_context.h"

#include <stdbool.h>
#include <stdint.h>

#define PC_LINVAR_MOST ((int64_t)1 << 60)

/* Rows of parts (compressed sparse rows), units ascending in a row. A unit of n_units or more is
 * unit - n_units once more, with a part that is added to its x as it is. */
typedef struct pc_parts {
    int64_t n_rows, n_parts, n_units;
    const int64_t *start; /* [n_rows + 1] */
    const int64_t *unit;  /* [n_parts] 0 .. 2 n_units - 1 */
    const double *value;  /* [n_parts]; NaN makes the row's variance NaN */
} pc_parts;

/* One stage of a sample. */
typedef struct pc_stage {
    int64_t n_units, n_strata, n_labels;
    const int64_t *stratum; /* [n_units] ascending */
    const int64_t *first;   /* [n_strata + 1] the first unit of each stratum, and n_units */
    const int64_t *label;   /* [n_units] 0 .. n_labels - 1; NULL: no two units are one */
    const double *factor;   /* [n_strata] >= 0 */
} pc_stage;

/* Cells in any order as rows of parts. Cells of one row and unit are added up in their order. start
 * [n_rows + 1]; unit and value have room for n_cells; *n_parts of them are used. O(cells + rows +
 * units); takes 24 bytes a cell, none where they are in order. Fails with PC_ERR_GROUP, MEMORY. */
pc_status pc_linvar_sort(pc_context *ctx, int64_t n_cells, const int64_t *row, const int64_t *unit,
                         const double *value, int64_t n_rows, int64_t n_units, int64_t *start,
                         int64_t *unit_out, double *value_out, int64_t *n_parts);

/* Sums of one figure by group and unit, and the row that each group's parts go to. A cell brings
 * (above - ratio x below) / divisor of its group; cells without weight bring nothing. */
typedef struct pc_source {
    int64_t n_groups, n_cells;
    const int64_t *start;  /* [n_groups + 1] first cell of each group */
    const int64_t *unit;   /* [n_cells] 0 .. n_units - 1 */
    const int64_t *row;    /* [n_groups] -1: the group is left out */
    const double *weight;  /* [n_cells] */
    const double *above;   /* [n_cells] */
    const double *below;   /* [n_cells]; NULL: 0 */
    const double *ratio;   /* [n_groups]; NULL: 0 */
    const double *divisor; /* [n_groups]; NULL: 1 */
} pc_source;

/* The parts that sources bring: of one row from several groups, in the order of the sources, equal units added up.
 * unit and value have room for the cells of all sources; the rest as in pc_linvar_sort. O(cells + rows), where units
 * are ascending in every group and no two go to one row; else it takes 48 bytes a cell and sorts. */
pc_status pc_linvar_parts(pc_context *ctx, int64_t n_sources, const pc_source *sources, int64_t n_rows,
                          int64_t n_units, int64_t n_cells, int64_t *start, int64_t *unit, double *value,
                          int64_t *n_parts);

/* What pc_linvar_variance and pc_linvar_count (not of all units) say of these parts, without making them all: variance,
 * n_labels, n_strata [n_rows]. Takes a row's parts for each thread. Fails as those do. */
pc_status pc_linvar_figures(pc_context *ctx, const pc_stage *stage, int64_t n_sources, const pc_source *sources,
                            int64_t n_rows, int64_t n_units, double *variance, int64_t *n_labels,
                            int64_t *n_strata);

/* Parts of linear combinations: combination i is the sum of weight[k] times row[k], from k =
 * first[i] to first[i + 1]. n_cells is what pc_linvar_combine_cells says; the rest as in
 * pc_linvar_sort. */
pc_status pc_linvar_combine_cells(pc_context *ctx, const pc_parts *parts, int64_t n_combinations,
                                  const int64_t *first, int64_t n_terms, const int64_t *row,
                                  int64_t *n_cells);
pc_status pc_linvar_combine(pc_context *ctx, const pc_parts *parts, int64_t n_combinations,
                            const int64_t *first, int64_t n_terms, const int64_t *row,
                            const double *weight, int64_t n_cells, int64_t *start, int64_t *unit,
                            double *value, int64_t *n_parts);

/* variance [n_rows]. O(parts) where no label is shared within a row, else O(units of its strata).
 * Fails with PC_ERR_GROUP, MEMORY, INTERRUPTED. */
pc_status pc_linvar_variance(pc_context *ctx, const pc_stage *stage, const pc_parts *parts,
                             double *variance);

/* cov [n_rows x n_rows], symmetric; its diagonal is the variance to rounding. O(rows x parts). */
pc_status pc_linvar_cov(pc_context *ctx, const pc_stage *stage, const pc_parts *parts, double *cov);

/* Per row: labels of the units that it has a part in, or with all_units of all units of the strata
 * that it has one in; and its strata, those that share such a label counted as one. Parts of units
 * from n_units on do not count. n_labels, n_strata [n_rows]. O(parts), or O(units of the strata). */
pc_status pc_linvar_count(pc_context *ctx, const pc_stage *stage, const pc_parts *parts,
                          bool all_units, int64_t *n_labels, int64_t *n_strata);

#endif
