/*
 * One cut-off as a loop over rows, as one would write it: H, M0 and twelve censored headcounts by group,
 * poor with at least four of twelve deprivations; and the same with the uncensored headcounts beside them.
 * What profiles.py compares with.
 *
 * sums [groups][3 + 12 or 3 + 24]: weight, weight of the poor, weight times deprivations of the poor, weight of
 * the poor deprived in each indicator; then of all deprived in each. Rows first .. end-1 are added.
 */
#include <stdint.h>

enum { N_INDICATORS = 12, CUTOFF = 4, WIDTH = 3 + N_INDICATORS, WIDE = WIDTH + N_INDICATORS };

static inline int count(const int8_t *const *column, int64_t i)
{
    int n_deprived = 0;
    for (int j = 0; j < N_INDICATORS; j++) n_deprived += column[j][i];
    return n_deprived;
}

static inline void add_poor(const int8_t *const *column, int64_t i, double weight, int n_deprived, double *sum)
{
    sum[1] += weight;
    sum[2] += weight * n_deprived;
    for (int j = 0; j < N_INDICATORS; j++)
        if (column[j][i]) sum[3 + j] += weight;
}

void add_rows(int64_t first, int64_t end, const int8_t *const *column, const double *weight,
              const int32_t *code, double *sums)
{
    for (int64_t i = first; i < end; i++) {
        double *sum = sums + (int64_t)code[i] * WIDTH;
        const int n_deprived = count(column, i);
        sum[0] += weight[i];
        if (n_deprived >= CUTOFF) add_poor(column, i, weight[i], n_deprived, sum);
    }
}

void add_rows_wide(int64_t first, int64_t end, const int8_t *const *column, const double *weight,
                   const int32_t *code, double *sums)
{
    for (int64_t i = first; i < end; i++) {
        double *sum = sums + (int64_t)code[i] * WIDE;
        const int n_deprived = count(column, i);
        sum[0] += weight[i];
        for (int j = 0; j < N_INDICATORS; j++)
            if (column[j][i]) sum[WIDTH + j] += weight[i];
        if (n_deprived >= CUTOFF) add_poor(column, i, weight[i], n_deprived, sum);
    }
}
