/*
 * Columns of 0/1 packed to one number a row: bit j is column j. A missing value has bit j in a second number.
 */
#ifndef PC_PACK_H
#define PC_PACK_H

#include "pc_column.h"
#include "pc_context.h"
#include "pc_sum.h"

enum { PC_PACK_BYTE = 8, PC_PACK_MOST = 64 };

typedef struct pc_pack_columns {
    int64_t n;                       /* columns, at most PC_PACK_MOST */
    const pc_column *const *columns; /* [n] any type but text */
    const char *argument;            /* what an error calls them */
} pc_pack_columns;

/*
 * Columns first .. first+n_columns-1 (at most PC_PACK_BYTE) of rows row .. row+n-1 (n <= PC_BLOCK): bits [n], and
 * missing [n], where the bit of bits is 0; NULL says that none of them can be missing. PC_ERR_VALUE for any
 * other value, with its row, not always the first.
 */
pc_status pc_pack_block(const pc_sum_kernels *kernels, const pc_pack_columns *from, int64_t first,
                        int64_t n_columns, int64_t row, int64_t n, uint8_t *bits, uint8_t *missing,
                        pc_error *err);

/* Bytes of the smallest number that holds n columns: 1, 2, 4 or 8. */
int64_t pc_pack_width(int64_t n_columns);

/*
 * All rows, on ctx->n_threads threads: deprived [n_rows] and missing [n_rows], unsigned integers of
 * pc_pack_width bytes; missing NULL says that none can be missing. *any_missing: whether one is. PC_ERR_VALUE
 * with the first bad row, PC_ERR_LENGTH, TYPE, INTERRUPTED.
 */
pc_status pc_pack_rows(pc_context *ctx, const pc_pack_columns *from, int64_t n_rows, void *deprived,
                       void *missing, bool *any_missing);

#endif
