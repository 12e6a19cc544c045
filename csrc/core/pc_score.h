/*
 * Scores that a kernel of its own makes of columns, block by block: poverty gaps, products. Whoever
 * makes them fills a block; whoever adds them up (pc_total) need not know what they are.
 *
 * Here too: products of centred columns, (a - centre of a) (b - centre of b), for second moments that
 * survive amounts near 1e9.
 */
#ifndef PC_SCORE_H
#define PC_SCORE_H

#include "pc_column.h"
#include "pc_cpu.h"

enum { PC_SCORE_ROWS = 128 }; /* rows at a time: a block of scores stays in the first-level cache */

typedef struct pc_scores {
    int64_t n_scores;
    bool any_sign; /* else every score is >= 0, and sums of a thousand may be plain (pc_record) */
    const void *maker;

    /* Whether the columns fit n rows; asked once per batch. PC_ERR_LENGTH, PC_ERR_TYPE, PC_ERR_VALUE. */
    pc_status (*check)(const void *maker, int64_t n, pc_error *err);

    /* score[k * PC_SCORE_ROWS + i] = what row row + i adds to sum k, its weight u[i] included; n <=
     * PC_SCORE_ROWS. 0 where what the score needs is missing. *n_filled: scores from this number on are 0
     * for all of these rows, and were not written (what seldom happens costs nothing when it comes last).
     * inside[i] 0: the row is outside the domain (NULL: none is); its scores are not used. On failure: any
     * bad row of these, not always the first one. */
    pc_status (*fill)(const void *maker, pc_simd simd, int64_t row, int64_t n, const double *u,
                      const uint8_t *inside, double *score, int64_t *n_filled, pc_error *err);
} pc_scores;

/* PC_OK, or what is wrong with a column of a batch of n rows: its length, or that it is text. */
pc_status pc_score_check_column(const pc_column *column, int64_t n, const char *argument,
                                int64_t which, pc_error *err);

/* ---- products ---- */

typedef struct pc_product {
    int64_t first;  /* number of a column */
    int64_t second; /* the same; -1: the first one alone */
    int64_t known;  /* a column that must not be missing either; -1: none */
} pc_product;

typedef struct pc_products {
    int64_t n_columns;
    const pc_column *const *columns; /* [n_columns] real; NaN = missing, never infinite */
    const double *centre;            /* [n_columns] finite */
    int64_t n_products;
    const pc_product *products; /* [n_products] */
} pc_products;

/* Their scores, of any sign; `products` is borrowed. Errors are about argument "product", which: the
 * number of the column. */
pc_scores pc_product_scores(const pc_products *products);

#endif
