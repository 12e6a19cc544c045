/* Lines, Sen's slopes and Mann-Kendall scores: small series on paper, long ones against plain loops. */
#include "pc_made.h"
#include "pc_test.h"
#include "pc_trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 4, 2, 3, 1 in the years 0, 1, 2, 4; two points; none. */
static const int64_t start[] = {0, 4, 6, 6};
static const double time[] = {0, 1, 2, 4, 10, 12}, value[] = {4, 2, 3, 1, 5, 4};
static const pc_series small = {.n_series = 3, .n_points = 6, .start = start, .time = time, .value = value};

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-14 * (1 + fabs(b));
}

static void a_line_has_the_least_squares(void)
{
    pc_context ctx;
    double slope[3], level[3], squares[3], of_slope[6], of_level[6];
    pc_context_init(&ctx);
    EXPECT(pc_trend_line(&ctx, &small, NULL, slope, level, squares, of_slope, of_level) == PC_OK);
    /* Mean time 7/4, mean value 5/2, sum of squares 35/4, of products -11/2. */
    EXPECT(near(slope[0], -22.0 / 35) && near(level[0], 2.5 + 22.0 / 35 * 1.75));
    EXPECT(near(squares[0], 5 - 5.5 * 22 / 35));
    double b = 0.0, a = 0.0;
    for (int k = 0; k < 4; k++) {
        b += of_slope[k] * value[k];
        a += of_level[k] * value[k];
    }
    EXPECT(near(b, slope[0]) && near(a, level[0]));
    EXPECT(slope[1] == -0.5 && level[1] == 5.0 && squares[1] == 0.0);
    EXPECT(isnan(slope[2]) && isnan(level[2]) && isnan(squares[2]));
}

static void weights_count_as_repeated_points(void)
{
    static const double weight[] = {1, 3, 1, 1, 1, 1};
    pc_context ctx;
    double slope[3], level[3], squares[3], of_slope[6], of_level[6];
    pc_context_init(&ctx);
    EXPECT(pc_trend_line(&ctx, &small, weight, slope, level, squares, of_slope, of_level) == PC_OK);
    /* Six points: mean time 9/6, mean value 14/6; products -26/6... : sum t y - n mean mean. */
    const double products = 0 * 4 + 3 * 2 + 2 * 3 + 4 * 1 - 9.0 * 14 / 6, spread = 3 + 4 + 16 - 81.0 / 6;
    EXPECT(near(slope[0], products / spread));
}

static void sen_takes_the_median_of_all_slopes(void)
{
    pc_context ctx;
    double slope[3], level[3], low[3], high[3];
    pc_context_init(&ctx);
    EXPECT(pc_trend_sen(&ctx, &small, 1.96, slope, level, low, high) == PC_OK);
    /* Slopes -2, -1/2, -3/4, 1, -1/3, -1: the middles are -3/4 and -1/2. */
    EXPECT(slope[0] == -0.625 && low[0] == -2.0 && high[0] == 1.0);
    EXPECT(level[0] == 2.5 + 0.625 * 1.5);
    EXPECT(slope[1] == -0.5 && low[1] == -0.5 && high[1] == -0.5);
    EXPECT(isnan(slope[2]) && isnan(low[2]));
}

static void kendall_counts_rises_less_falls(void)
{
    static const int64_t one[] = {0, 4, 4 + 5};
    static const double t[] = {0, 1, 2, 4, 0, 1, 2, 3, 4}, y[] = {4, 2, 3, 1, 7, 7, 5, 7, 5};
    const pc_series two = {.n_series = 2, .n_points = 9, .start = one, .time = t, .value = y};
    pc_context ctx;
    int64_t n[2], s[2], tied[2];
    double variance[2], factor[2];
    pc_context_init(&ctx);
    EXPECT(pc_trend_kendall(&ctx, &two, PC_CORRECT_NOTHING, 1.96, n, s, tied, variance, factor) == PC_OK);
    EXPECT(n[0] == 4 && s[0] == -4 && tied[0] == 0 && near(variance[0], 4.0 * 3 * 13 / 18));
    /* Of ten pairs 3 + 1 are tied, 5 fall and one rises; ties of three and two take off 66 and 18. */
    EXPECT(n[1] == 5 && s[1] == -4 && tied[1] == 4 && near(variance[1], (5.0 * 4 * 15 - 66 - 18) / 18));
    EXPECT(factor[0] == 1.0 && factor[1] == 1.0);
}

enum { LONG = 1600 }; /* 1,279,200 pairs: more than are kept */

typedef struct lengthy {
    int64_t start[2];
    double time[LONG], value[LONG];
    pc_series series;
} lengthy;

static void make_lengthy(lengthy *l, int64_t n)
{
    pc_draws draws = {11};
    for (int64_t k = 0; k < n; k++) {
        l->time[k] = (double)k;
        l->value[k] = 60 * pc_draw_unit(&draws) - 0.02 * (double)k;
    }
    l->start[0] = 0;
    l->start[1] = n;
    l->series = (pc_series){.n_series = 1, .n_points = n, .start = l->start, .time = l->time, .value = l->value};
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void counted_slopes_are_the_sorted_ones(void)
{
    static lengthy l;
    static double slopes[LONG * (LONG - 1) / 2];
    pc_context ctx;
    int64_t n = 0, s = 0;
    double slope, level, low, high;
    make_lengthy(&l, LONG);
    for (int64_t i = 0; i < LONG; i++) {
        for (int64_t k = i + 1; k < LONG; k++) {
            slopes[n++] = (l.value[k] - l.value[i]) / (l.time[k] - l.time[i]);
            s += (l.value[k] > l.value[i]) - (l.value[k] < l.value[i]);
        }
    }
    qsort(slopes, (size_t)n, sizeof *slopes, by_size);
    pc_context_init(&ctx);
    EXPECT(pc_trend_sen(&ctx, &l.series, 2.0, &slope, &level, &low, &high) == PC_OK);
    EXPECT(slope == (slopes[n / 2 - 1] + slopes[n / 2]) / 2);
    EXPECT(low < slope && slope < high && slope < 0);
    int64_t used, score, tied;
    double variance, factor;
    EXPECT(pc_trend_kendall(&ctx, &l.series, PC_CORRECT_HAMED_RAO, 1.96, &used, &score, &tied, &variance,
                            &factor) == PC_OK);
    EXPECT(score == s && used == LONG && factor >= 1.0);
    const double reach = 2.0 * sqrt(variance);
    EXPECT(low == slopes[(int64_t)rint(((double)n - reach) / 2) - 1]);
    EXPECT(high == slopes[(int64_t)rint(((double)n + reach) / 2)]);
    /* Four tables of counts, two of slopes kept in vain, four copies: no table of all pairs twice. */
    EXPECT(ctx.memory.peak < (int64_t)32 * 1024 * 1024);
}

static void any_number_of_threads_gives_the_same_bits(void)
{
    enum { SERIES = 12000, EACH = 10, POINTS = SERIES * EACH };
    static int64_t starts[SERIES + 1], n[2][SERIES], s[2][SERIES], tied[2][SERIES];
    static double t[POINTS], y[POINTS], v[2][SERIES], f[2][SERIES];
    pc_draws draws = {3};
    for (int64_t k = 0; k < POINTS; k++) {
        t[k] = (double)(k % EACH);
        y[k] = pc_draw_unit(&draws);
    }
    for (int64_t i = 0; i <= SERIES; i++) starts[i] = i * EACH;
    const pc_series many = {.n_series = SERIES, .n_points = POINTS, .start = starts, .time = t, .value = y};
    for (int run = 0; run < 2; run++) {
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.n_threads = run == 0 ? 1 : 3;
        EXPECT(pc_trend_kendall(&ctx, &many, PC_CORRECT_HAMED_RAO, 1.96, n[run], s[run], tied[run], v[run],
                                f[run]) == PC_OK);
    }
    EXPECT(memcmp(s[0], s[1], sizeof s[0]) == 0 && memcmp(v[0], v[1], sizeof v[0]) == 0);
    EXPECT(memcmp(f[0], f[1], sizeof f[0]) == 0);
}

static void what_is_wrong_is_named(void)
{
    double x[6], more[6][6];
    int64_t begin[4], whole[3][3];
    memcpy(x, value, sizeof x);
    memcpy(begin, start, sizeof begin);
    pc_series bad = small;
    pc_context ctx;
    pc_context_init(&ctx);
    x[4] = INFINITY;
    bad.value = x;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_VALUE);
    EXPECT(ctx.error.index == 4 && strcmp(ctx.error.argument, "value") == 0);
    bad = small;
    bad.time = value;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_VALUE);
    EXPECT(ctx.error.index == 1 && strcmp(ctx.error.argument, "time") == 0);
    memcpy(x, time, sizeof x);
    x[1] = x[0];
    bad.time = x;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_VALUE);
    EXPECT(ctx.error.index == 1 && strcmp(ctx.error.argument, "time") == 0);
    bad = small;
    begin[3] = 7;
    bad.start = begin;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_GROUP);
    begin[1] = -1;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_GROUP);
    begin[0] = INT64_MAX; /* too far apart for a difference */
    begin[1] = INT64_MIN;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_GROUP);
    begin[0] = INT64_MIN;
    begin[1] = 2;
    EXPECT(pc_trend_sen(&ctx, &bad, 2, more[0], more[1], more[2], more[3]) == PC_ERR_GROUP);
    memcpy(x, value, sizeof x);
    x[4] = 0.0;
    EXPECT(pc_trend_line(&ctx, &small, x, more[0], more[1], more[2], more[3], more[4]) == PC_ERR_VALUE);
    EXPECT(ctx.error.index == 4 && strcmp(ctx.error.argument, "weight") == 0);
    EXPECT(pc_trend_kendall(&ctx, &small, PC_CORRECT_END, 2, whole[0], whole[1], whole[2], more[0],
                            more[1]) == PC_ERR_VALUE);
}

static pc_status all_kinds(pc_context *ctx, void *arg)
{
    const pc_series *series = arg;
    double x[5][6];
    int64_t k[3][3];
    pc_status status = pc_trend_sen(ctx, series, 2, x[0], x[1], x[2], x[3]);
    for (int c = PC_CORRECT_NOTHING; status == PC_OK && c < PC_CORRECT_END; c++)
        status = pc_trend_kendall(ctx, series, (pc_correction)c, 2, k[0], k[1], k[2], x[0], x[1]);
    return status;
}

static pc_status one_long(pc_context *ctx, void *arg)
{
    double x[4];
    return pc_trend_sen(ctx, arg, 2, &x[0], &x[1], &x[2], &x[3]);
}

static void a_failing_allocation_leaves_nothing_behind(void)
{
    static lengthy l;
    pc_series series = small;
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_test_failing_allocator(&ctx, all_kinds, &series) >= 6);
    make_lengthy(&l, LONG);
    EXPECT(pc_test_failing_allocator(&ctx, one_long, &l.series) == 2);
}

static bool stop_at_once(void *host)
{
    (void)host;
    return true;
}

static void a_long_series_can_be_interrupted(void)
{
    static lengthy l;
    pc_context ctx;
    double x[4];
    pc_context_init(&ctx);
    ctx.should_stop = stop_at_once;
    ctx.next_poll_ns = 1;
    make_lengthy(&l, LONG);
    EXPECT(pc_trend_sen(&ctx, &l.series, 2, &x[0], &x[1], &x[2], &x[3]) == PC_ERR_INTERRUPTED);
    EXPECT(ctx.memory.in_use == 0);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_line_has_the_least_squares),
        CLAIM(weights_count_as_repeated_points),
        CLAIM(sen_takes_the_median_of_all_slopes),
        CLAIM(kendall_counts_rises_less_falls),
        CLAIM(counted_slopes_are_the_sorted_ones),
        CLAIM(any_number_of_threads_gives_the_same_bits),
        CLAIM(what_is_wrong_is_named),
        CLAIM(a_failing_allocation_leaves_nothing_behind),
        CLAIM(a_long_series_can_be_interrupted),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
