/*
 * One cut-off as a loop over rows, as one would write it: H, M0 and twelve censored headcounts by group,
 * poor with at least four of twelve deprivations. What profiles.py compares with.
 *
 * sums [groups][3 + 12]: weight, weight of the poor, weight times deprivations of the poor, weight of the
 * poor deprived in each indicator. Rows first .. end-1 are added.
 */
#include <stdint.h>

enum { N_INDICATORS = 12, CUTOFF = 4, WIDTH = 3 + N_INDICATORS };

void add_rows(int64_t first, int64_t end, const int8_t *const *column, const double *weight,
              const int32_t *code, double *sums)
{
    for (int64_t i = first; i < end; i++) {
        double *sum = sums + (int64_t)code[i] * WIDTH;
        int n_deprived = 0;
        for (int j = 0; j < N_INDICATORS; j++) n_deprived += column[j][i];
        sum[0] += weight[i];
        if (n_deprived < CUTOFF) continue;
        sum[1] += weight[i];
        sum[2] += weight[i] * n_deprived;
        for (int j = 0; j < N_INDICATORS; j++)
            if (column[j][i]) sum[3 + j] += weight[i];
    }
}
