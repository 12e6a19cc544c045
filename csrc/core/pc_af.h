/*
 * Rankings of groups by Alkire-Foster measures under many weightings and cut-offs, from a profile
 * table, reduced to what they have in common with one ranking, the baseline. No table of the measures
 * is held: those of one cut-off are gone when those of the next are made.
 *
 * With s[p,g] the share of profile p in the population of group g and c[p] its score,
 *
 *   H[g]  = sum of s[p,g] over profiles with c[p] >= k
 *   M0[g] = sum of s[p,g] c[p] over the same.
 *
 * Profiles are sorted by score, highest first, and both measures of all groups are running sums. The
 * order of the groups changes little from one cut-off to the next: it is repaired (pc_af_loops.h).
 *
 * Equal values: two neighbours in the order of values are equal when they differ by PC_AF_SAME or less,
 * give or take 2^-41; equality is handed on from neighbour to neighbour. Equal groups share their mean
 * rank, and stand in the order of the baseline. A sum of n shares is off by n 2^-53 at most, and mostly by
 * far less: groups equal as fractions are equal here. Scores are integers and exact.
 *
 * Statistics of a ranking beside the baseline, with S0 and S the pairs of groups that differ in the
 * baseline and in the ranking, C and D those of both that differ in the same and in opposite directions:
 *
 *   PC_AF_SPEARMAN  correlation of the ranks                     not defined where one does not vary
 *   PC_AF_KENDALL   (C - D) / sqrt(S S0), tau-b                  not defined where S S0 = 0
 *   PC_AF_HOLDS     1 - D / S0, share of comparisons that hold   not defined where S0 = 0
 *
 * All are quotients of integers. What is added over weightings are counts, ranks in halves, and the
 * extremes; statistics are added in the order of cut-offs and weightings: the bits depend neither on the
 * number of threads nor on which one takes a weighting.
 */
#ifndef PC_AF_H
#define PC_AF_H

#include "pc_context.h"

typedef enum pc_af_measure { PC_AF_HEADCOUNT = 0, PC_AF_M0, PC_AF_N_MEASURES } pc_af_measure;

enum { PC_AF_SPEARMAN = 0, PC_AF_KENDALL, PC_AF_HOLDS, PC_AF_N_STATISTICS };

enum { PC_AF_MOST_GROUPS = 1024, PC_AF_MOST_PROFILES = 1 << 30 };

#define PC_AF_SAME 0x1p-40

/* The profiles of the groups, and the ranking that others are compared with. */
typedef struct pc_af_board {
    int64_t n_profiles, n_groups;      /* groups: 2 .. PC_AF_MOST_GROUPS */
    const double *share;               /* [n_profiles][n_groups] 0 .. 1; in all at most 1 in a group */
    int64_t n_measures;                /* 1 .. PC_AF_N_MEASURES */
    pc_af_measure measure[PC_AF_N_MEASURES]; /* those that rank, each once */
    const double *baseline;            /* [n_measures][n_groups] finite */
} pc_af_board;

/* Weightings. Without cut-offs every score above 0 is one, under each weighting its own. */
typedef struct pc_af_weightings {
    int64_t n;
    const int64_t *score; /* [n][n_profiles] >= 0: integers over a common denominator, or any that are in
                           * the order of the scores */
    const double *value;  /* [n][n_profiles] the scores as fractions, 0 .. 1: what M0 counts */
    int64_t n_cutoffs;    /* 0: every score above 0 */
    const int64_t *cutoff; /* [n][n_cutoffs] descending, in the unit of `score`: reached where
                            * score >= cutoff */
} pc_af_weightings;

/* A statistic over many rankings: those where it is defined. least is infinite where n is 0. */
typedef struct pc_af_range {
    double *least, *total;
    int64_t *n;
} pc_af_range;

/* What is kept; all of it is written. A slot is a cut-off, or all of them together where every score is
 * one: n_slots is then 1. R is the number of statistics, M of measures. */
typedef struct pc_af_result {
    double *rank;   /* [M][groups] in the baseline; 1 has the highest value */
    int64_t *level; /* [M][groups] in the baseline, 0, 1 ...: equal groups have one level */
    pc_af_range of_weighting; /* [n][M][R] over the cut-offs */
    pc_af_range of_slot;      /* [M][slots][R] over the weightings */
    double *rank_least, *rank_most;   /* [M][slots][groups]; infinite without a ranking */
    double *rank_total;               /* the same; with cut-offs only, else 0 */
    double *value_least, *value_most; /* the same */
    int32_t *turned;     /* [M][groups][groups] weightings under which the first, higher in the baseline,
                          * is lower than the second at some cut-off */
    uint64_t *ever;      /* [M][slots][pc_af_ever_words] a bit for each pair: the same of some weighting, at
                          * the slot's cut-off */
} pc_af_result;

int64_t pc_af_n_slots(const pc_af_weightings *weightings);
int64_t pc_af_ever_words(int64_t n_groups);

/* Rank under all weightings, on ctx->n_threads threads.
 *
 * Fails with PC_ERR_VALUE ("share", "score", "value", "baseline": index counts along the array; "cutoff" where
 * they do not descend), PC_ERR_LIMIT (groups, profiles), PC_ERR_MEMORY, PC_ERR_INTERRUPTED; the result is
 * then unspecified.
 * Takes 16 bytes a profile, and for each thread 4.3 groups^2 bytes a measure and 32 bytes a profile; with
 * cut-offs also 24 bytes each per weighting and measure. */
pc_status pc_af_rank(pc_context *ctx, const pc_af_board *board,
                     const pc_af_weightings *weightings, const pc_af_result *result);

#endif
