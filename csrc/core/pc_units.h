/*
 * The sampling units of a file as a column: the unit that the values of one or several keys of a row stand
 * for, numbered as the host numbers them. So a pass over the rows has one key for the units, whose numbers are
 * dense whatever the codes of strata and PSUs look like, and cells come out in the order of the units.
 *
 *   integer keys of few possible combinations   a table of all of them
 *   any other                                   dictionaries of what occurs, which are only read later
 *
 * Rows with other values than those that were given have no number.
 */
#ifndef PC_UNITS_H
#define PC_UNITS_H

#include "pc_column.h"
#include "pc_context.h"

enum { PC_UNITS_MOST_KEYS = 8 };

typedef struct pc_units pc_units;

/*
 * The units of n_combinations combinations of the keys' values. value[k] [n_combinations]: of an integer key
 * the value (of uint64 its bits), of float and text a row that has it, as totals by group give them. unit
 * [n_combinations] 0 .. n_units - 1; a combination may stand several times, with the same unit. The columns
 * are borrowed for as long as the units are used.
 *
 * NULL on failure, with ctx->error: PC_ERR_LIMIT (keys, or 2^31 units), LENGTH (columns of different lengths), GROUP
 * (a unit or row out of range; a combination with two units), VALUE (text outside its buffer), MEMORY.
 * O(combinations + table). The memory is of `ctx`, which must live as long: 4 bytes for each possible combination
 * (at most 16 MiB), else about 100 bytes for each that occurs, and its text.
 */
pc_units *pc_units_new(pc_context *ctx, int64_t n_keys, const pc_column *const *keys,
                       int64_t n_combinations, const int64_t *const *value, const int64_t *unit,
                       int64_t n_units);
void pc_units_free(pc_context *ctx, pc_units *units); /* NULL is accepted */

/* Their column, of type PC_MADE; borrowed. Several threads may read it. */
const pc_column *pc_units_column(const pc_units *units);

#endif
