/*
 * Which combinations of integer keys occur: a bit for each combination there could be, set by all rows.
 *
 * A fraction of the cost of totals by group, where nothing is added up: the strata and PSUs of a sample.
 * One pass over the rows where a few of them tell the ranges of the keys, else three. The answer does not
 * depend on the order of the rows nor on the number of threads.
 */
#ifndef PC_DISTINCT_H
#define PC_DISTINCT_H

#include "pc_column.h"
#include "pc_context.h"

enum { PC_DISTINCT_MOST_KEYS = 8 };

typedef struct pc_distinct pc_distinct;

/*
 * The combinations of n rows. keys [n_keys]: integers without missing values, each of n rows. NULL on
 * failure, with ctx->error: PC_ERR_TYPE (a key is no integer), MISSING, LIMIT (more than 2^26 possible
 * combinations, or PC_DISTINCT_MOST_KEYS keys), GROUP (the data changed meanwhile), LENGTH, MEMORY,
 * INTERRUPTED. Takes a bit for each possible combination.
 */
pc_distinct *pc_distinct_new(pc_context *ctx, int64_t n, int64_t n_keys,
                             const pc_column *const *keys);
void pc_distinct_free(pc_context *ctx, pc_distinct *distinct); /* NULL is accepted */

int64_t pc_distinct_count(const pc_distinct *distinct);

/* Key k of every combination, as its value (of uint64: its bit pattern). value [count]; combinations are
 * in ascending order of their keys, the first key first. */
void pc_distinct_read(const pc_distinct *distinct, int64_t k, int64_t *value);

#endif
