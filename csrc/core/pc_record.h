/*
 * What one group's record holds in a lane, and what it comes to in the end.
 *
 *   flags    for flags that cannot be missing: weight, n, then the weighted sum of each flag
 *   cells    the same for few groups: the flags are cut into parts of six; unused, n, then per part the
 *            weight of each combination of its flags
 *   lean     the same for so many groups that their records leave the cache, of few flags: weight, then the
 *            weighted sum of each flag; n is counted beside the records, in 16 bits
 *   profile  the same flags, all together: per combination of them weight and n
 *   scores   of one sign (pc_score): weight, n, then the sum of each score
 *   sums     for everything else: weight and n of the domain, weight and n of each score, then the sums of
 *            the scores; behind them their two-sum errors
 *
 * A record is one slot or several: a profile has one per combination. Few groups have several copies of
 * their slot, and rows take turns: an addition must wait for the one before to the same numbers.
 *
 * Arithmetic. A slot of flags, lean or not, of scores of one sign or of a profile is added to plainly, and when it has had PC_RECORD_MOST_ROWS rows
 * it is put aside: added, with its rounding error, to a pair (sum, error) per number. So no sum of more
 * than 1,024 terms is ever plain, and the relative error stays below 1.2e-13 for any number of rows; plain
 * sums of ten million times 0.1 are off by 1e-10. Other scores have any sign and size, so they are
 * added by two-sum, row by row. (Higham 1993, SIAM J. Sci. Comput. 14(4) 783-799, eq. 2.6; Knuth, TAOCP
 * 2, 4.2.2, theorem B.)
 */
#ifndef PC_RECORD_H
#define PC_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum { PC_RECORD_MOST_ROWS = 1024, PC_RECORD_MOST_INDICATORS = 16 };
enum { PC_RECORD_WEIGHT = 0, PC_RECORD_N = 1, PC_RECORD_FIRST = 2 }; /* numbers of every slot that is not lean */
enum { PC_RECORD_LEAN_FIRST = 1, PC_RECORD_MOST_LEAN = 3 };           /* numbers of a lean one; its flags */

typedef enum pc_record_form {
    PC_RECORD_SUMS,
    PC_RECORD_FLAGS,
    PC_RECORD_CELLS,
    PC_RECORD_LEAN,
    PC_RECORD_SCORES,
    PC_RECORD_PROFILE
} pc_record_form;

enum { PC_RECORD_PART = 6, PC_RECORD_COMBINATIONS = 1 << PC_RECORD_PART }; /* of cells */

typedef struct pc_record_layout {
    pc_record_form form;
    int64_t n_flags, n_scores, n_sums;
    int64_t width;   /* numbers that a row adds to; of flags, scores and sums a multiple of 4 */
    int64_t kept;    /* numbers that are put aside of a slot: width, and n of a lean one, in the order of values */
    int64_t slot;    /* numbers per slot: width, or with its errors twice that */
    int64_t n_slots; /* of a record: copies (a power of two), or combinations */
    int64_t stride;  /* numbers from record to record */
    int64_t total;   /* numbers of a record's sum over lanes; each with its error, total further on */
    int64_t n_values; /* numbers that it comes to in the end */
} pc_record_layout;

/* Of cells while those of all groups stay in the second-level cache, else of flags, lean where they are few. */
pc_record_layout pc_record_flags(int64_t n_flags, int64_t n_groups);
pc_record_layout pc_record_profile(int64_t n_indicators); /* at most PC_RECORD_MOST_INDICATORS */
pc_record_layout pc_record_scores(int64_t n_sums, int64_t n_groups);
pc_record_layout pc_record_sums(int64_t n_scores, int64_t n_sums, int64_t n_groups);

/* In all that follows `count` is that of a lean record, and NULL of any other. */
bool pc_record_has_rows(const pc_record_layout *layout, const double *record, const uint16_t *count);

/* kept [2 * kept] += slot; the slot is set to zero. */
void pc_record_put_aside(const pc_record_layout *layout, double *slot, uint16_t *count, double *kept);

/* kept += kept, and what is in place (sums: a slot; else what is kept) += slot; all with their errors. */
void pc_record_add_kept(const pc_record_layout *layout, double *kept, const double *more);
void pc_record_add_slot(const pc_record_layout *layout, double *place, const double *slot, const uint16_t *count);

/* sum [2 * total] += one lane's record; += what was put aside of one of its slots. Not for profiles. */
void pc_record_sum(const pc_record_layout *layout, double *sum, const double *record, const uint16_t *count);
void pc_record_sum_kept(const pc_record_layout *layout, double *sum, const double *kept);

/* What a sum comes to: values [n_values]. */
void pc_record_finish(const pc_record_layout *layout, const double *sum, double *values);

/* One lane's record of a group, and what was put aside of its slots: kept_at[s] is 0, or 1 + where in kept. */
typedef struct pc_record_part {
    const double *record;
    const int32_t *kept_at; /* [slots]; NULL: nothing was put aside */
    const double *kept;
} pc_record_part;

/* For a profile, which has many slots, both steps at once: values [n_values] of what the lanes have, in their
 * order. Returns the number of combinations that occur. */
int64_t pc_record_finish_profile(const pc_record_layout *layout, int64_t n_parts,
                                 const pc_record_part *parts, double *values);

/* Read the values [n_groups x n_values] of finished records. n, weight [n_groups]: of the domain;
 * score_n, score_weight [n_scores x n_groups], sum [n_sums x n_groups]. Not for profiles. */
void pc_record_read(const pc_record_layout *layout, int64_t n_groups, const double *values,
                    int64_t *n, double *weight, int64_t *score_n, double *score_weight, double *sum);

/* What a sum comes to, in the place of a record: as values, or lean; and back from there into a place of columns
 * that are n apart: weight, of each score where they may differ (sums with scores), else one of all; sum [n_sums].
 * Not for profiles. */
void pc_record_store(const pc_record_layout *layout, const double *values, double *record);
void pc_record_read_cell(const pc_record_layout *layout, bool is_lean, const double *numbers, int64_t n, double *weight,
                         double *sum);

/* The combinations of a profile that occur: their number; and, unless mask is NULL, combination (bit j:
 * flag j), n and weight of each, in order. */
int64_t pc_record_read_cells(const pc_record_layout *layout, const double *values,
                             uint32_t *mask, int64_t *n, double *weight);

#endif
