/*
 * Weighted totals by cell: for every group of rows, n, the sum of weights, and the weighted sum of
 * any number of scores, in one pass. Three verbs: update, merge, finish.
 *
 *   weight of a row   u_i = weight_i * size_i     (1 where a column is absent)
 *   domain            rows whose `where` is 1; a missing `where` is outside, and counted
 *   flag   x in {0,1}    sum u x                  missing: the row is out of this score
 *   value  y real        sum u y                  NaN or missing: out of this score
 *   pair   (a, b)        sum u a, sum u b         either part missing: out of this score
 *
 *   made   scores of pc_score    sum of what its maker gives for the row; no n, no weight
 *
 *   profile                all flags at once: n and sum u by group and combination of flags, which stand in
 *                          a column each or are packed in one
 *
 * A group exists when a row of it was seen, also outside the domain.
 *
 * Arithmetic. No plain sum has more than 1,024 terms; what is longer keeps its rounding errors (pc_record).
 *
 * Determinism. Row i of the state (counted over all updates) belongs to lane (i / PC_RUN) mod lanes;
 * a lane adds its rows in row order to its own table; finish adds the lanes in order. The number of
 * lanes and the layout are fixed when the first row arrives. So the same rows in the same order give the
 * same bits for any number of threads, and with expected_groups for any cut into updates.
 *
 * Errors name the smallest bad row of the call, whichever thread met it.
 */
#ifndef PC_TOTAL_H
#define PC_TOTAL_H

#include "pc_column.h"
#include "pc_context.h"
#include "pc_score.h"

enum { PC_RUN = 262144, PC_LANES = 8 };

/* One batch of rows. All columns have n rows. Pointers are borrowed for the call. */
typedef struct pc_rows {
    int64_t n;
    int64_t n_keys;
    const pc_column *const *keys;   /* [n_keys] integers, floats or text; none: one group */
    const pc_column *weight;        /* finite, >= 0, never missing; NULL: 1 */
    const pc_column *size;          /* the same */
    const pc_column *where;         /* 0/1; NULL: all rows */
    int64_t n_flags;
    const pc_column *const *flags;  /* [n_flags] 0/1 */
    const pc_column *packed;        /* of a profile, instead of flags: bit j of an integer is flag j, below
                                     * 2^n_flags; NULL: flags has the columns */
    int64_t n_values;
    const pc_column *const *values; /* [n_values] real */
    int64_t n_pairs;
    const pc_column *const *pairs;  /* [2 * n_pairs] real: first parts and second parts in turn */
    const pc_scores *made;          /* scores made of other columns; NULL: none */
} pc_rows;

typedef struct pc_total_plan {
    int64_t n_keys, n_flags, n_values, n_pairs, n_made;
    bool has_where;         /* updates carry a `where` */
    bool keep_missing;      /* a missing key is a group of its own, else an error */
    bool has_profile;       /* flags are the indicators of a deprivation profile (at most
                             * PC_RECORD_MOST_INDICATORS, none missing); no values, pairs, made scores. Few groups have
                             * a table in each lane; rows of many, with integer keys, are dealt (pc_deal) */
    bool by_unit;           /* the first key is the sampling unit (pc_units), never a word: groups are those of the other
                             * keys, each with a cell for every unit that has weight in it. No profile */
    bool made_any_sign;     /* made scores may be negative */
    bool flags_may_miss;    /* some flag column of some update can hold missing values */
    int64_t expected_rows;   /* of all updates; lanes of few rows per group cost more than they save. 0: many */
    int64_t expected_groups; /* sets lanes and layout; 0: counted in the first PC_RUN rows of the first
                              * update that has rows, so that its length may change the last bits */
} pc_total_plan;

typedef struct pc_total pc_total;

/* The plan that fits one batch of rows. */
pc_total_plan pc_total_plan_for(const pc_rows *rows, bool keep_missing);

/* A state without rows; NULL when memory is out, a profile has too many flags or less than none, or is by unit (ctx->error
 * says which). A profile of more cells than a table of 96 MiB or a deal can have fails with PC_ERR_LIMIT when
 * its groups are seen. */
pc_total *pc_total_new(pc_context *ctx, const pc_total_plan *plan);
void pc_total_free(pc_context *ctx, pc_total *total); /* NULL is accepted */

/* Add rows. Fails with PC_ERR_LENGTH, VALUE, MISSING, TYPE, GROUP, LIMIT, MEMORY, INTERRUPTED; after
 * a failure the state may only be freed. O(rows). Memory: 64 MiB beyond one record per group; a profile
 * 96 MiB in each lane, or where it deals what pc_deal says, for 32 million rows at a time. */
pc_status pc_total_update(pc_context *ctx, pc_total *total, const pc_rows *rows);

/* Add the rows of `other`, a state of the same plan and layout, to `into`; `other` is unchanged. Row numbers of
 * `other` follow those of `into` (its row 0 becomes row pc_total_n_rows(into)). */
pc_status pc_total_merge(pc_context *ctx, pc_total *into, const pc_total *other);

/* Join the lanes. Afterwards the state can only be read and freed. */
pc_status pc_total_finish(pc_context *ctx, pc_total *total);

int64_t pc_total_n_rows(const pc_total *total);
int64_t pc_total_where_missing(const pc_total *total); /* rows whose `where` is missing */
int64_t pc_total_zero_weights(const pc_total *total);  /* rows in the domain whose u is 0 */
int64_t pc_total_n_groups(const pc_total *total);      /* after finish */

/* Scores: flags, then values, then pairs. Sums: one per flag and value, two per pair, then one per made
 * score. */
int64_t pc_total_n_scores(const pc_total_plan *plan);
int64_t pc_total_n_sums(const pc_total_plan *plan);

/* Where pc_total_read writes; G groups in order of first appearance by lane. */
typedef struct pc_total_result {
    int64_t *n;            /* [G] rows in the domain */
    double *weight;        /* [G] their sum of u */
    int64_t *score_n;      /* [n_scores x G] rows used by each score */
    double *score_weight;  /* [n_scores x G] their sum of u */
    double *sum;           /* [n_sums x G] */
} pc_total_result;

/* Cost O(G x cells). All buffers are the caller's. */
void pc_total_read(const pc_total *total, const pc_total_result *result);

/* Profiles: how many cells there are, and for each its combination of flags (bit j: flag j), n and weight,
 * by group and combination. All buffers hold pc_total_n_cells elements. PC_ERR_INTERRUPTED. */
int64_t pc_total_n_cells(const pc_total *total);
void pc_total_read_starts(const pc_total *total, int64_t *start); /* [n_groups + 1] first cell of each */
pc_status pc_total_read_cells(pc_context *ctx, const pc_total *total, uint32_t *mask, int64_t *n,
                              double *weight);

/* Of totals by unit: the cells of each group, by unit. Cells without weight are none. */
typedef struct pc_total_cells {
    int64_t *start;  /* [n_groups + 1] first cell of each group */
    int64_t *unit;   /* [C] */
    int64_t *n;      /* [C] rows in the domain, where there are made scores; else NULL */
    double *weight;  /* [n_cell_weights x C] sum of u of the rows that each score uses; one for all where none can be
                      * missing */
    double *sum;     /* [n_sums x C] */
} pc_total_cells;

int64_t pc_total_n_cell_weights(const pc_total_plan *plan);

/* All buffers hold what pc_total_n_cells says. PC_ERR_INTERRUPTED. */
pc_status pc_total_read_units(pc_context *ctx, const pc_total *total, const pc_total_cells *cells);

/* Key k of each group; of totals by unit, where the unit is not counted among the keys. value [G]: an integer key's value (of uint64: its bit pattern); for float and
 * text keys the first row with that value. missing [G]: 1 where the key is missing (value 0). */
void pc_total_read_key(const pc_total *total, int64_t k, int64_t *value, uint8_t *missing);

#endif
