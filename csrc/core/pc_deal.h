/*
 * Weights added up by key where the table of all keys is too large to be hit at random.
 *
 * The keys 0 .. n_keys-1 are cut into ranges, buckets, whose table stays in the second-level cache. Dealing
 * appends each (key, weight) to the pages of its bucket; adding then goes through one bucket after the other,
 * and keeps only the cells that occur. (Partitioned aggregation: Manegold, Boncz, Kersten 2002, IEEE TKDE
 * 14(4) 709-730. Measured with 11,000 groups of 4,096 combinations: a third of the time of one large table.)
 *
 * Determinism. Rows are dealt by lanes, each in order; a cell takes the rows of lane 0, then 1, and so on.
 * With consecutive rows in the lanes, that is row order, whatever the lanes, threads and calls: the same rows
 * in the same order give the same bits.
 *
 * Arithmetic as in pc_record: after PC_RECORD_MOST_ROWS rows a cell is put aside, with its rounding error.
 *
 * Memory: 12 bytes for each row dealt and not yet added; 20 bytes for each cell, and while rows are added
 * to cells of earlier rows as much again; 32 bytes for each cell that was put aside. Tables, and pages and shelves
 * in part empty: below 10 MiB and 10 for each thread, for up to 2^26 keys (16,384 groups of 4,096
 * combinations); below 70 MiB and 12 for each thread for the most.
 */
#ifndef PC_DEAL_H
#define PC_DEAL_H

#include "pc_context.h"
#include "pc_sum.h"

#include <stdint.h>

enum { PC_DEAL_LANES = 8 };

typedef struct pc_deal pc_deal;

/* Keys that a deal can have at most. */
int64_t pc_deal_most_keys(void);

/* n_keys <= pc_deal_most_keys(). NULL when memory is out. */
pc_deal *pc_deal_new(pc_context *ctx, int64_t n_keys);
void pc_deal_free(pc_context *ctx, pc_deal *deal); /* NULL is accepted */

/* Make room for n_rows rows in all lanes. PC_ERR_MEMORY. */
pc_status pc_deal_open(pc_context *ctx, pc_deal *deal, int64_t n_rows);

/* Deal n rows; one thread at a time for each lane. Keys are < n_keys, which the caller has checked on the same
 * copy. PC_ERR_LIMIT when there is no room: more rows than was said. */
pc_status pc_deal_rows_unchecked(pc_deal *deal, int64_t lane, const pc_sum_kernels *kernels,
                                 int64_t n, const uint32_t *key, const double *weight,
                                 pc_error *err);

/* A lane has had its rows: what it wrote can be seen by other threads. */
void pc_deal_close(const pc_sum_kernels *kernels);

/* Add all rows dealt since pc_deal_open to the cells, on n_threads threads; then their memory is given back.
 * PC_ERR_MEMORY, PC_ERR_INTERRUPTED; the deal may then only be freed. */
pc_status pc_deal_add(pc_context *ctx, pc_deal *deal, int n_threads);

/* Add the cells of `from`, with keys whose bits from `low_bits` on are replaced by map[those bits], to `deal`,
 * whose keys hold the new ones; map[] < 0: there are none of it. `from` is unchanged. PC_ERR_MEMORY,
 * PC_ERR_INTERRUPTED; the deal may then only be freed. */
pc_status pc_deal_take(pc_context *ctx, pc_deal *deal, const pc_deal *from, int low_bits,
                       const int64_t *map);

/* Cells of bucket b < pc_deal_n_buckets, by key; all keys of a bucket are below those of the next. Any of the
 * buffers may be NULL; returns the number of cells. */
int64_t pc_deal_n_buckets(const pc_deal *deal);
int64_t pc_deal_read(const pc_deal *deal, int64_t b, uint32_t *key, int64_t *n, double *weight);

/* Cell c of bucket b, and those behind it whose keys have the same bits from `low_bits` on: the cell behind
 * the last one; *high is those bits. */
int64_t pc_deal_run_end(const pc_deal *deal, int64_t b, int64_t c, int low_bits, int64_t *high);

#endif
