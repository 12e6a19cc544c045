/*
 * What one group's record holds, how two records are added, and how a record is read.
 *
 *   profile  for indicators that cannot be missing, all of them together: per combination a cell (hi, lo, n)
 *   cells  for flags that cannot be missing: n, an unused number, then per part 2^bits cells (hi, lo); a
 *          part is a few flags, a cell one combination of them
 *   sums   for everything else: `width` sums, then their `width` two-sum errors; the sums are n and
 *          weight of the domain, n and weight of each score, then the sums of the scores
 *
 * In the latter two n comes first: a copy with n > 0 has had rows. Few groups have several copies of all this: rows
 * take turns, since an addition must wait for the one before to the same cell. They are folded before
 * the record is read.
 */
#ifndef PC_RECORD_H
#define PC_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum { PC_RECORD_WIDE = 6, PC_RECORD_NARROW = 3 }; /* flags per part */
enum { PC_RECORD_MOST_INDICATORS = 16 };

typedef enum pc_record_kind { PC_RECORD_CELLS, PC_RECORD_SUMS, PC_RECORD_PROFILE } pc_record_kind;

typedef struct pc_record_layout {
    pc_record_kind kind;
    int64_t n_flags;
    int64_t bits;    /* flags per part, the last part may have fewer */
    int64_t n_parts;
    int64_t n_scores, n_sums;
    int64_t width;   /* sums: numbers that a row adds; a multiple of 4 */
    int64_t n_copies; /* a power of two */
    int64_t copy;    /* numbers per copy */
    int64_t stride;  /* numbers per record: n_copies x copy */
} pc_record_layout;

/* Wide parts while the cells of n_groups groups fit the second-level cache, narrow ones beyond. */
pc_record_layout pc_record_cells(int64_t n_flags, int64_t n_groups);
pc_record_layout pc_record_sums(int64_t n_scores, int64_t n_sums, int64_t n_groups);

/* At most PC_RECORD_MOST_INDICATORS. */
pc_record_layout pc_record_profile(int64_t n_indicators, int64_t n_groups);

int64_t pc_record_flags_in_part(const pc_record_layout *layout, int64_t part);
int64_t pc_record_first_of_part(const pc_record_layout *layout, int64_t part);

/* to += from. O(stride). */
void pc_record_add(const pc_record_layout *layout, double *to, const double *from);

/* The cells of a folded profile that occur: their number; and, unless mask is NULL, combination (bit j:
 * flag j), n and weight of each, in the order of combinations. */
int64_t pc_record_read_cells(const pc_record_layout *layout, const double *record, uint64_t *mask,
                             int64_t *n, double *weight);

bool pc_record_has_rows(const pc_record_layout *layout, const double *record);

/* Add all copies to the first, in order. */
void pc_record_fold(const pc_record_layout *layout, double *record);

/* Read one record, folded. n, weight: of the domain. score_n, score_weight [n_scores] and sum [n_sums] are written
 * `step` elements apart. */
void pc_record_read(const pc_record_layout *layout, const double *record, int64_t *n,
                    double *weight, int64_t step, int64_t *score_n, double *score_weight,
                    double *sum);

#endif
