/*
 * Trends of many short series at once: lines by (weighted) least squares, Sen's slope with its
 * interval, and the Mann-Kendall test with corrections for autocorrelation.
 *
 *   line     y = a + b (t - t0) with the smallest sum of w (y - a - b (t - t0))^2; a and b are sums
 *            of coefficients times y, and those are given too: whoever knows how the y covary has
 *            the variances of a and b
 *   Sen      median of the slopes (y_j - y_i) / (t_j - t_i) of all pairs; the interval are the slopes
 *            of rank (N -+ z sd(S)) / 2 of N (Sen 1968, Journal of the American Statistical
 *            Association 63, 1379-1389, (2.6))
 *   Kendall  S = sum of the signs of y_j - y_i over i < j, with variance
 *            (n (n - 1) (2n + 5) - sum over ties of k (k - 1) (2k + 5)) / 18 (Kendall 1975, Rank
 *            Correlation Methods, 4th ed.)
 *
 * S comes from the inversions that a merge sort counts, n log n. Slopes are sorted while there are
 * few; where a series has more than 2^20 they are made again in every pass and counted by their bits,
 * sixteen at a time: n^2 time, but no n^2 memory.
 *
 * A series is read once, into a copy, and checked there: the arrays are the host's.
 */
#ifndef PC_TREND_H
#define PC_TREND_H

#include "pc_context.h"

#include <stdint.h>

/* Series i has the points start[i] .. start[i + 1] - 1. */
typedef struct pc_series {
    int64_t n_series, n_points;
    const int64_t *start; /* [n_series + 1] */
    const double *time;   /* [n_points] finite, ascending and different within a series */
    const double *value;  /* [n_points] finite */
} pc_series;

/* What is done about autocorrelation; by the lags of ranks or residuals around Sen's line. */
typedef enum pc_correction {
    PC_CORRECT_NOTHING = 0,
    /* Variance times 1 + 2 / (n (n - 1) (n - 2)) |sum (n - k) (n - k - 1) (n - k - 2) r_k|, over the lags
     * k with |r_k| > z / sqrt(n), r of the ranks of the residuals. Hamed and Rao 1998, Journal of
     * Hydrology 204, 182-196, with the size of the sum: figures that swing must not make the test
     * surer, nor the variance negative. */
    PC_CORRECT_HAMED_RAO,
    /* Variance times 1 + 2 sum (1 - k / n) r_k, over all lags of the residuals. Yue and Wang 2004,
     * Water Resources Management 18, 201-218. */
    PC_CORRECT_YUE_WANG,
    /* S of y_i - r_1 y_(i-1). Kulkarni and von Storch 1995. */
    PC_CORRECT_WHITEN,
    /* The same of the residuals, to which the trend is added again. Yue et al. 2002, Hydrological
     * Processes 16, 1807-1829. */
    PC_CORRECT_WHITEN_TREND_FREE,
    PC_CORRECT_END
} pc_correction;

/* Lines. weight [n_points] > 0 and finite, NULL: all 1. Out, each may not be NULL:
 *   slope, level [n_series]    b and a, the line at the first time of the series
 *   squares      [n_series]    sum of w (y - line)^2
 *   of_slope, of_level [n_points]  coefficients of y in b and a; points of no series are left alone
 * NaN with fewer than two points. O(n_points). */
pc_status pc_trend_line(pc_context *ctx, const pc_series *series, const double *weight,
                        double *slope, double *level, double *squares, double *of_slope,
                        double *of_level);

/* Sen's slope, its interval for the normal quantile z, and median(y) - slope (median(t) - t0).
 * slope, level, low, high [n_series]; NaN with fewer than two points. */
pc_status pc_trend_sen(pc_context *ctx, const pc_series *series, double z, double *slope,
                       double *level, double *low, double *high);

/* Mann-Kendall. z: the quantile that makes a lag count. Out, [n_series]:
 *   n_used    points that S is of (one less where whitened)
 *   score     S
 *   n_tied    pairs of equal values
 *   variance  of S, with ties, before the factor
 *   factor    what the variance is to be multiplied by; 1 where nothing is corrected
 * With fewer than three points: 0, 0, 0, NaN, NaN. */
pc_status pc_trend_kendall(pc_context *ctx, const pc_series *series, pc_correction correction,
                           double z, int64_t *n_used, int64_t *score, int64_t *n_tied,
                           double *variance, double *factor);

#endif
