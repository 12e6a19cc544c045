/*
 * The source of both builds of the loops over rows. Included by pc_fgt.c and pc_fgt_avx2.c only, each of
 * which gets its own copy and makes a table of it. Both do the same operations on each row: the same bits.
 *
 * The loops stay in vectors, where a branch per row took seven times as long: comparisons are as wide as
 * the numbers, and what a condition chooses from is read before it. A missing number compares as false.
 */
#include "pc_fgt_kernels.h"

#include <float.h>

static int64_t not_plain(int64_t n, const double *restrict welfare, const double *restrict line)
{
    int64_t odd = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t low_welfare = welfare[i] > 0.0 ? 0 : 1;
        const int64_t high_welfare = welfare[i] <= DBL_MAX ? 0 : 1;
        const int64_t low_line = line[i] > 0.0 ? 0 : 1;
        const int64_t high_line = line[i] <= DBL_MAX ? 0 : 1;
        odd |= low_welfare | high_welfare | low_line | high_line;
    }
    return odd;
}

static void keep_poor(int64_t n, const double *restrict welfare, const double *restrict line,
                      double *restrict score)
{
    for (int64_t i = 0; i < n; i++) {
        const double value = score[i];
        score[i] = welfare[i] < line[i] ? value : 0.0;
    }
}

static void keep_poor_or_at_line(int64_t n, const double *restrict welfare,
                                 const double *restrict line, double *restrict score)
{
    for (int64_t i = 0; i < n; i++) {
        const double value = score[i];
        score[i] = welfare[i] <= line[i] ? value : 0.0;
    }
}

#ifndef PC_FGT_HAS_VECTORS

static void powers(int64_t n, const double *restrict welfare, const double *restrict line,
                   const double *restrict u, double *restrict gap, double *restrict headcount,
                   double *restrict first, double *restrict second)
{
    for (int64_t i = 0; i < n; i++) gap[i] = (line[i] - welfare[i]) / line[i];
    keep_poor(n, welfare, line, gap);
    for (int64_t i = 0; i < n; i++) headcount[i] = u[i];
    keep_poor(n, welfare, line, headcount);
    for (int64_t i = 0; i < n; i++) first[i] = u[i] * gap[i];
    for (int64_t i = 0; i < n; i++) second[i] = first[i] * gap[i];
}

#endif

static const pc_fgt_kernels kernels = {not_plain, keep_poor, keep_poor_or_at_line, powers};
