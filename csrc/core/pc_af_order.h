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

/* The ranking that others are compared with; g counts groups, i places in its order. */
typedef struct pc_af_reference {
    int32_t *order;  /* [groups] group at place i, highest value first */
    int32_t *place;  /* [groups] place of group g */
    int32_t *level;  /* [groups] 0, 1 ... from the highest value; equal groups have one level */
    int32_t *rank;   /* [groups] twice the mean rank */
    uint64_t *lower; /* [groups][words] bit k of row g: group k is lower than g */
    int64_t n_pairs; /* that differ */
    int64_t spread;  /* sum of squared deviations of `rank` */
} pc_af_reference;

typedef struct pc_af_places {
    int32_t first, last; /* both included */
} pc_af_places;

typedef struct pc_af_order {
    const pc_af_reference *reference;
    double *sum;      /* [groups] the measure */
    double *key;      /* [groups] scratch: the same, with the group in its last bits */
    double *at;       /* [groups] keys in order; one number before, PC_AF_BEHIND behind */
    double *half;     /* [groups + 8] scratch */
    int32_t *order;   /* [groups] highest value first, equal ones as in the reference */
    int32_t *rank;    /* [groups] twice the mean rank of group g */
    int32_t *suspect; /* [groups / 4 + 1] scratch */
    pc_af_places *moved; /* [groups] places that changed hands, apart from each other and ascending */
    pc_af_places *tied;  /* [groups] places whose groups are equal */
    int64_t n_moved, n_tied;
    uint64_t *turned; /* [groups][words] bit k of row g: group k, lower than g in the reference, was
                       * above it */
    int64_t against;  /* pairs that differ in the reference, in the opposite order here */
} pc_af_order;

/* Keys are 1 + the measure without its last PC_AF_TAG_BITS bits, where the group stands: numbers in 1 ..
 * 2 of an even precision of 2^-42. */
enum { PC_AF_TAG_BITS = 10, PC_AF_BEHIND = 4 };

/* Words of a row of bits, one per group; a multiple of four. */
int64_t pc_af_row_words(int64_t n_groups);

typedef struct pc_af_kernels {
    /* h[g] += row[g], m0[g] += row[g] * value; NULL: not wanted. What `ahead` points to is fetched:
     * without effect but on time; need not be readable. */
    void (*add)(int64_t n_groups, const double *row, double value, double *h, double *m0,
                const double *ahead);

    /* Bring the order up to date with `sum`. False when nothing moved and nothing is or was tied. */
    bool (*settle)(int64_t n_groups, pc_af_order *order);

    /* The least and greatest rank of each group so far, twice. */
    void (*note_ranks)(int64_t n_groups, const pc_af_order *order, int32_t *least, int32_t *most);

    /* Sum over the groups of twice the rank times twice that in the reference. */
    int64_t (*rank_product)(int64_t n_groups, const pc_af_order *order);
} pc_af_kernels;

const pc_af_kernels *pc_af_kernels_for(pc_simd simd);

#endif
