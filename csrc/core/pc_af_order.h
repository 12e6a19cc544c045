/*
 * The order of the groups by one measure while cut-offs go by, and its distance from the baseline: the
 * hot loops of pc_af, written once (pc_af_loops.h) and compiled twice, portable and for AVX2, with the
 * same bits.
 */
#ifndef PC_AF_ORDER_H
#define PC_AF_ORDER_H

#include "pc_cpu.h"

#include <stdbool.h>
#include <stdint.h>

/* Places of an order stand in columns: place i is [i % ROWS][i / ROWS]. There are eight more columns than
 * groups can fill, because columns are sorted eight at a time, with the one behind. */
enum { PC_AF_ROWS = 16, PC_AF_COLUMNS = 72 };

/* The ranking that others are compared with; g counts groups, i places in its order. Behind the rows of the
 * groups stands one without bits, for places behind the last. */
typedef struct pc_af_reference {
    int32_t *order;  /* [groups] group at place i, highest value first */
    int32_t *place;  /* [groups] place of group g */
    int32_t *level;  /* [groups] 0, 1 ... from the highest value; equal groups have one level */
    int16_t *rank;   /* [groups] twice the mean rank */
    uint64_t *lower; /* [groups + 1][words] bit k of row g: group k is lower than g */
    uint64_t *own;   /* [groups + 1][words] bit g of row g */
    int64_t n_pairs; /* that differ */
    int64_t spread;  /* sum of squared deviations of `rank` */
    double pairs_root, spread_root; /* of the products with those of a ranking without ties */
} pc_af_reference;

typedef struct pc_af_places {
    int32_t first, last; /* both included */
} pc_af_places;

/* What is added to a measure. */
typedef struct pc_af_row {
    const double *share; /* [groups] */
    double factor;       /* by which they are multiplied */
    double least, most;  /* of `share` */
    const double *ahead; /* [groups] fetched: without effect but on time; need not be readable */
} pc_af_row;

typedef struct pc_af_order {
    const pc_af_reference *reference;
    double *sum;        /* [groups] the measure */
    double least, most; /* of `sum`, give or take 2 PC_AF_SAME for each group */
    double *value;      /* [groups] scratch */
    int32_t *key;       /* [groups] scratch */
    int32_t *group;     /* [groups] scratch */
    int32_t *at;        /* [ROWS][COLUMNS] keys, the group in the last bits: highest value first, equal
                         * ones as in the reference */
    int16_t *rank;      /* [groups + 1] twice the mean rank of group g */
    pc_af_places *tied; /* [groups] places whose groups are equal, ascending */
    int64_t n_tied;
    uint64_t *open;  /* [groups + 1][words] bit k of row g: group k, lower than g in the reference, has
                      * not stood above it since this was set to `lower` */
    int64_t against; /* pairs that differ in the reference, in the opposite order here */
} pc_af_order;

/* Words of a row of bits, one per group; a multiple of four. */
int64_t pc_af_row_words(int64_t n_groups);

typedef struct pc_af_kernels {
    void (*add)(int64_t n_groups, const pc_af_row *row, double *sum);

    /* Let the groups stand in an order, whatever their values. */
    void (*start)(int64_t n_groups, const int32_t *groups, pc_af_order *order);

    /* Add a row to `sum`, bring the order up to date, and compare it with the reference: `rank`, `against`
     * and `open`. False, and these as they were, only if the groups stand as before and nothing is or was
     * tied; never if asked to `always`. */
    bool (*settle)(int64_t n_groups, const pc_af_row *row, pc_af_order *order, bool always);

    /* Widen the least and greatest rank of each group so far, twice, and give the sum over the groups of
     * twice the rank times twice that in the reference. */
    int64_t (*note_ranks)(int64_t n_groups, const pc_af_order *order, int16_t *least, int16_t *most);

    /* number[k] += bit k */
    void (*add_bits)(int64_t n, const uint64_t *bits, int32_t *number);
} pc_af_kernels;

const pc_af_kernels *pc_af_kernels_for(pc_simd simd);

/* The group at place i. */
int32_t pc_af_group_at(int64_t n_groups, const pc_af_order *order, int64_t i);

#endif
