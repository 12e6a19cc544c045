#include "pc_trend.h"

#include "pc_parallel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    SERIES_PER_TASK = 512,
    SERIAL_POINTS = 100000,
    FEWEST_FOR_TEST = 3,
    MOST_SLOPES = 1 << 20, /* kept and sorted; more are counted */
    RANKS = 4,             /* both middles and both ends of the interval */
    DIGIT_BITS = 16,
    BUCKETS = 1 << DIGIT_BITS,
    DIGITS = 64 / DIGIT_BITS
};

/* Residuals that differ by less than this part of the largest value are equal: Sen's line goes
 * through the very points that give its slope, and rounding must not order them. */
static const double rounding = 1e-12;

/* ---- one task -------------------------------------------------------------------------------- */

/* Room for one series at a time. */
typedef struct room {
    double *time, *value, *work, *spare; /* [points] */
    double *slope, *slope_spare;         /* [slopes], where they are kept */
    int64_t *table;                      /* [RANKS x BUCKETS], where they are counted */
    double *numbers;                     /* what the first six lie in */
} room;

typedef struct job job;
typedef pc_status (*series_fn)(const job *j, room *r, pc_worker *worker, int64_t i, int64_t n,
                               pc_error *err);

struct job {
    const pc_series *series;
    series_fn fn;
    bool has_slopes;
    const double *weight;
    double z;
    pc_correction correction;
    double *slope, *level, *squares, *of_slope, *of_level, *low, *high, *variance, *factor;
    int64_t *n_used, *score, *n_tied;
};

static int64_t pairs_of(int64_t n)
{
    return n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n;
}

static pc_status find_series(const pc_series *s, int64_t i, int64_t *begin, int64_t *n,
                             pc_error *err)
{
    const int64_t end = s->start[i + 1];
    *begin = s->start[i];
    if (*begin < 0 || end < *begin || end > s->n_points)
        return pc_fail(err, PC_ERR_GROUP, "start", -1, i, "points outside its range");
    *n = end - *begin;
    return PC_OK;
}

/* Copy a series, and check the copy. */
static pc_status read_series(const pc_series *s, int64_t begin, int64_t n, room *r, pc_error *err)
{
    memcpy(r->time, s->time + begin, (size_t)n * sizeof *r->time);
    memcpy(r->value, s->value + begin, (size_t)n * sizeof *r->value);
    for (int64_t k = 0; k < n; k++) {
        if (!isfinite(r->value[k]))
            return pc_fail(err, PC_ERR_VALUE, "value", -1, begin + k, "is not finite");
        if (!isfinite(r->time[k]) || (k > 0 && r->time[k] <= r->time[k - 1]))
            return pc_fail(err, PC_ERR_VALUE, "time", -1, begin + k,
                           "is not after the one before it");
    }
    return PC_OK;
}

static pc_status make_room(pc_context *ctx, int64_t most, bool has_slopes, room *r, pc_error *err)
{
    const bool are_kept = has_slopes && pairs_of(most) <= MOST_SLOPES;
    const int64_t n_slopes = are_kept ? pairs_of(most) : has_slopes ? MOST_SLOPES : 0;
    const bool are_counted = has_slopes && !are_kept;
    r->numbers = pc_alloc(&ctx->memory, 2 * n_slopes + 4 * most, sizeof *r->numbers);
    r->table = are_counted ? pc_alloc(&ctx->memory, (int64_t)RANKS * BUCKETS, sizeof *r->table) : NULL;
    if (r->numbers == NULL || (are_counted && r->table == NULL))
        return pc_fail(err, PC_ERR_MEMORY, "trend", -1, -1, "out of memory");
    r->time = r->numbers;
    r->value = r->time + most;
    r->work = r->value + most;
    r->spare = r->work + most;
    r->slope = r->spare + most;
    r->slope_spare = r->slope + n_slopes;
    return PC_OK;
}

static pc_status stopped(pc_error *err)
{
    return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
}

static pc_status run_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const job *j = arg;
    const int64_t first = task * SERIES_PER_TASK, left = j->series->n_series - first;
    const int64_t end = first + (left < SERIES_PER_TASK ? left : SERIES_PER_TASK);
    room r = {.numbers = NULL};
    int64_t most = 0, begin = 0, n = 0;
    pc_status status = PC_OK;
    for (int64_t i = first; status == PC_OK && i < end; i++) {
        status = find_series(j->series, i, &begin, &n, err);
        if (n > most) most = n;
    }
    if (status == PC_OK) status = make_room(worker->ctx, most, j->has_slopes, &r, err);
    for (int64_t i = first; status == PC_OK && i < end; i++) {
        if (i % 64 == 0 && pc_worker_stopped(worker)) status = stopped(err);
        if (status == PC_OK) status = find_series(j->series, i, &begin, &n, err);
        if (status == PC_OK && n > most)
            status = pc_fail(err, PC_ERR_GROUP, "start", -1, i, "points outside its range");
        if (status == PC_OK) status = read_series(j->series, begin, n, &r, err);
        if (status == PC_OK) status = j->fn(j, &r, worker, i, n, err);
    }
    pc_free(&worker->ctx->memory, r.numbers);
    pc_free(&worker->ctx->memory, r.table);
    return status;
}

static pc_status run(pc_context *ctx, job *j)
{
    const int64_t n_tasks = (j->series->n_series + SERIES_PER_TASK - 1) / SERIES_PER_TASK;
    const int n_threads = j->series->n_points < SERIAL_POINTS ? 1 : ctx->n_threads;
    return pc_parallel_run(ctx, n_threads, n_tasks, run_task, j);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Take the first of x off all of them, then their mean, which is given: years in the thousands of millions, or
 * amounts, would lose what tells them apart if the mean itself were rounded. */
static double centre_from_first(int64_t n, double *x, const double *w, double sum_of_weights)
{
    const double first = x[0];
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) {
        x[k] -= first;
        sum += w[k] * x[k];
    }
    for (int64_t k = 0; k < n; k++) x[k] -= sum / sum_of_weights;
    return sum / sum_of_weights;
}

static pc_status fit_line(const job *j, room *r, pc_worker *worker, int64_t i, int64_t n,
                          pc_error *err)
{
    const int64_t begin = j->series->start[i];
    double *w = r->work, total = 0.0, spread = 0.0, slope = 0.0, squares = 0.0;
    (void)worker;
    if (begin < 0 || n > j->series->n_points - begin)
        return pc_fail(err, PC_ERR_GROUP, "start", -1, i, "points outside its range");
    for (int64_t k = 0; k < n; k++) {
        w[k] = j->weight == NULL ? 1.0 : j->weight[begin + k];
        if (!(w[k] > 0.0) || !isfinite(w[k]))
            return pc_fail(err, PC_ERR_VALUE, "weight", -1, begin + k, "is not above 0 and finite");
        total += w[k];
    }
    if (n < 2) {
        j->slope[i] = j->level[i] = j->squares[i] = NAN;
        for (int64_t k = 0; k < n; k++) j->of_slope[begin + k] = j->of_level[begin + k] = NAN;
        return PC_OK;
    }
    const double first = r->value[0];
    const double time = centre_from_first(n, r->time, w, total);
    const double value = centre_from_first(n, r->value, w, total);
    for (int64_t k = 0; k < n; k++) spread += w[k] * r->time[k] * r->time[k];
    for (int64_t k = 0; k < n; k++) {
        const double part = w[k] * r->time[k] / spread;
        j->of_slope[begin + k] = part;
        j->of_level[begin + k] = w[k] / total - time * part;
        slope += part * r->value[k];
    }
    for (int64_t k = 0; k < n; k++) {
        const double rest = r->value[k] - slope * r->time[k];
        squares += w[k] * (rest * rest);
    }
    j->slope[i] = slope;
    j->level[i] = first + (value - slope * time);
    j->squares[i] = squares;
    return PC_OK;
}

pc_status pc_trend_line(pc_context *ctx, const pc_series *series, const double *weight,
                        double *slope, double *level, double *squares, double *of_slope,
                        double *of_level)
{
    job j = {.series = series, .fn = fit_line, .weight = weight, .slope = slope, .level = level,
             .squares = squares, .of_slope = of_slope, .of_level = of_level};
    return run(ctx, &j);
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Merge the sorted x[a..b) and x[b..c) into to[a..c); the pairs in which the later one is less. */
static int64_t merge(const double *x, int64_t a, int64_t b, int64_t c, double *to)
{
    int64_t left = a, right = b, k = a, n_inverted = 0;
    while (left < b && right < c) { /* without a branch that data decide */
        const int64_t takes_right = x[right] < x[left];
        to[k++] = x[takes_right ? right : left];
        n_inverted += takes_right * (b - left);
        right += takes_right;
        left += 1 - takes_right;
    }
    while (left < b) to[k++] = x[left++];
    while (right < c) to[k++] = x[right++];
    return n_inverted;
}

/* Sort ascending; return the number of pairs that stood in falling order. */
static int64_t sort(int64_t n, double *x, double *spare)
{
    int64_t n_inverted = 0;
    double *from = x, *to = spare;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t a = 0; a < n; a += 2 * width) {
            const int64_t b = a + width < n ? a + width : n;
            const int64_t c = b + width < n ? b + width : n;
            n_inverted += merge(from, a, b, c, to);
        }
        double *swap = from;
        from = to;
        to = swap;
    }
    if (from != x) memcpy(x, from, (size_t)n * sizeof *x);
    return n_inverted;
}

static double middle(int64_t n, const double *sorted)
{
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

typedef struct kendall {
    int64_t score, n_tied;
    double variance;
} kendall;

/* S of values in order of time, which are sorted. */
static kendall count_pairs(int64_t n, double *x, double *spare)
{
    const double points = (double)n;
    double ties = 0.0;
    kendall found = {0, 0, 0.0};
    const int64_t n_falling = sort(n, x, spare);
    for (int64_t k = 0, next; k < n; k = next) {
        for (next = k + 1; next < n && x[next] == x[k]; next++) {}
        const double tied = (double)(next - k);
        found.n_tied += pairs_of(next - k);
        ties += tied * (tied - 1) * (2 * tied + 5);
    }
    found.score = pairs_of(n) - found.n_tied - 2 * n_falling;
    found.variance = (points * (points - 1) * (2 * points + 5) - ties) / 18;
    return found;
}

/* ---- slopes by rank -------------------------------------------------------------------------- */

/* Bits that are ordered as the numbers are. */
static uint64_t key_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double number_of(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & ~((uint64_t)1 << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double slope_of(const room *r, int64_t i, int64_t k)
{
    return (r->value[k] - r->value[i]) / (r->time[k] - r->time[i]);
}

/* Count the slopes that begin with known[q], by their next digit, for each q. */
static pc_status count_digits(room *r, pc_worker *worker, int64_t n, int digit,
                              const uint64_t *known, pc_error *err)
{
    const int shift = 64 - DIGIT_BITS * (digit + 1);
    memset(r->table, 0, RANKS * (size_t)BUCKETS * sizeof *r->table);
    for (int64_t i = 0; i + 1 < n; i++) {
        if (i % 16 == 0 && pc_worker_stopped(worker)) return stopped(err);
        for (int64_t k = i + 1; k < n; k++) {
            const uint64_t key = key_of(slope_of(r, i, k)) >> shift;
            const uint64_t before = key >> DIGIT_BITS, own = key & (BUCKETS - 1);
            for (int q = 0; q < RANKS; q++)
                if (before == known[q]) r->table[q * BUCKETS + (int64_t)own]++;
        }
    }
    return PC_OK;
}

/* The slopes of some ranks, without keeping any. */
static pc_status pick_by_digits(room *r, pc_worker *worker, int64_t n, const int64_t *rank,
                                double *picked, pc_error *err)
{
    uint64_t known[RANKS] = {0};
    int64_t left[RANKS];
    memcpy(left, rank, sizeof left);
    for (int digit = 0; digit < DIGITS; digit++) {
        const pc_status status = count_digits(r, worker, n, digit, known, err);
        if (status != PC_OK) return status;
        for (int q = 0; q < RANKS; q++) {
            const int64_t *count = r->table + (int64_t)q * BUCKETS;
            int64_t own = 0;
            while (own < BUCKETS - 1 && left[q] >= count[own]) left[q] -= count[own++];
            known[q] = known[q] << DIGIT_BITS | (uint64_t)own;
        }
    }
    for (int q = 0; q < RANKS; q++) picked[q] = number_of(known[q]);
    return PC_OK;
}

static pc_status pick(room *r, pc_worker *worker, int64_t n, const int64_t *rank, double *picked,
                      pc_error *err)
{
    const int64_t n_slopes = pairs_of(n);
    if (n_slopes > MOST_SLOPES) return pick_by_digits(r, worker, n, rank, picked, err);
    int64_t at = 0;
    for (int64_t i = 0; i + 1 < n; i++)
        for (int64_t k = i + 1; k < n; k++) r->slope[at++] = slope_of(r, i, k);
    sort(n_slopes, r->slope, r->slope_spare);
    for (int q = 0; q < RANKS; q++) picked[q] = r->slope[rank[q]];
    return PC_OK;
}

/* A rank that may be any number, within those there are. */
static int64_t within(double rank, int64_t n)
{
    if (!(rank > 0.0)) return 0;
    return rank < (double)(n - 1) ? (int64_t)rank : n - 1;
}

static pc_status find_sen(room *r, pc_worker *worker, int64_t n, double reach, double *slope,
                          double *low, double *high, pc_error *err)
{
    const int64_t n_slopes = pairs_of(n);
    const double slopes = (double)n_slopes;
    const int64_t rank[RANKS] = {(n_slopes - 1) / 2, n_slopes / 2,
                                 within(rint((slopes - reach) / 2) - 1, n_slopes),
                                 within(rint((slopes + reach) / 2), n_slopes)};
    double picked[RANKS];
    const pc_status status = pick(r, worker, n, rank, picked, err);
    if (status != PC_OK) return status;
    *slope = rank[0] == rank[1] ? picked[0] : (picked[0] + picked[1]) / 2;
    *low = picked[2];
    *high = picked[3];
    return PC_OK;
}

static pc_status fit_sen(const job *j, room *r, pc_worker *worker, int64_t i, int64_t n,
                         pc_error *err)
{
    j->slope[i] = j->level[i] = j->low[i] = j->high[i] = NAN;
    if (n < 2) return PC_OK;
    memcpy(r->work, r->value, (size_t)n * sizeof *r->work);
    const kendall found = count_pairs(n, r->work, r->spare);
    const double reach = j->z * sqrt(found.variance);
    const pc_status status =
        find_sen(r, worker, n, reach, &j->slope[i], &j->low[i], &j->high[i], err);
    j->level[i] = middle(n, r->work) - j->slope[i] * (middle(n, r->time) - r->time[0]);
    return status;
}

pc_status pc_trend_sen(pc_context *ctx, const pc_series *series, double z, double *slope,
                       double *level, double *low, double *high)
{
    job j = {.series = series, .fn = fit_sen, .has_slopes = true, .z = z, .slope = slope,
             .level = level, .low = low, .high = high};
    return run(ctx, &j);
}

/* ---- autocorrelation ------------------------------------------------------------------------- */

/* Take the mean off x; their sum of squares. */
static double centre(int64_t n, double *x)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t k = 0; k < n; k++) sum += x[k];
    for (int64_t k = 0; k < n; k++) {
        x[k] -= sum / (double)n;
        squares += x[k] * x[k];
    }
    return squares;
}

/* Sum of products of centred values `lag` apart. */
static double lagged(int64_t n, const double *x, int64_t lag)
{
    double sum = 0.0;
    for (int64_t k = 0; k + lag < n; k++) sum += x[k] * x[k + lag];
    return sum;
}

/* Replace values by their mean ranks; `sorted` has them in order. Those that rounding tells apart are
 * one. */
static void rank(int64_t n, double *x, const double *sorted, double tolerance)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t low = 0, high = n; /* the first that is not less */
        while (low < high) {
            const int64_t half = low + (high - low) / 2;
            if (sorted[half] < x[k]) low = half + 1;
            else high = half;
        }
        for (high = low + 1; high < n && sorted[high] - sorted[high - 1] <= tolerance; high++) {}
        for (; low > 0 && sorted[low] - sorted[low - 1] <= tolerance; low--) {}
        x[k] = (double)(low + high - 1) / 2;
    }
}

static double largest(int64_t n, const double *x)
{
    double most = 0.0;
    for (int64_t k = 0; k < n; k++) most = fmax(most, fabs(x[k]));
    return most;
}

/* What is left of the values over Sen's line, into work; its slope. */
static pc_status find_rest(room *r, pc_worker *worker, int64_t n, double *slope, pc_error *err)
{
    double low, high;
    const pc_status status = find_sen(r, worker, n, 0.0, slope, &low, &high, err);
    for (int64_t k = 0; status == PC_OK && k < n; k++)
        r->work[k] = r->value[k] - *slope * (r->time[k] - r->time[0]);
    return status;
}

/* Whether centred values are nothing but rounding. */
static bool is_nothing(int64_t n, double squares, double scale)
{
    return squares <= (double)n * (rounding * scale) * (rounding * scale);
}

static pc_status hamed_rao(room *r, pc_worker *worker, int64_t n, double z, double *factor,
                           pc_error *err)
{
    const double points = (double)n, limit = z / sqrt(points), scale = largest(n, r->value);
    double slope, sum = 0.0;
    const pc_status status = find_rest(r, worker, n, &slope, err);
    if (status != PC_OK) return status;
    memcpy(r->spare, r->work, (size_t)n * sizeof *r->spare);
    sort(n, r->spare, r->value); /* the values are not needed any more */
    rank(n, r->work, r->spare, rounding * scale);
    const double squares = centre(n, r->work);
    for (int64_t lag = 1; squares > 0.0 && lag + 2 < n; lag++) {
        if (lag % 16 == 0 && pc_worker_stopped(worker)) return stopped(err);
        const double own = lagged(n, r->work, lag) / squares, rest = points - (double)lag;
        if (fabs(own) > limit) sum += rest * (rest - 1) * (rest - 2) * own;
    }
    *factor = 1 + 2 / (points * (points - 1) * (points - 2)) * fabs(sum);
    return PC_OK;
}

static pc_status yue_wang(room *r, pc_worker *worker, int64_t n, double *factor, pc_error *err)
{
    double slope, sum = 0.0;
    const pc_status status = find_rest(r, worker, n, &slope, err);
    if (status != PC_OK) return status;
    const double squares = centre(n, r->work);
    const bool nothing = is_nothing(n, squares, largest(n, r->value));
    for (int64_t lag = 1; !nothing && lag < n; lag++) {
        if (lag % 16 == 0 && pc_worker_stopped(worker)) return stopped(err);
        sum += (1 - (double)lag / (double)n) * (lagged(n, r->work, lag) / squares);
    }
    *factor = 1 + 2 * sum;
    return PC_OK;
}

/* Into work: n - 1 values less what they owe to the one before. */
static pc_status whiten(room *r, pc_worker *worker, int64_t n, bool is_trend_free, pc_error *err)
{
    double slope = 0.0;
    if (is_trend_free) {
        const pc_status status = find_rest(r, worker, n, &slope, err);
        if (status != PC_OK) return status;
    } else memcpy(r->work, r->value, (size_t)n * sizeof *r->work);
    memcpy(r->spare, r->work, (size_t)n * sizeof *r->spare);
    const double squares = centre(n, r->spare);
    const bool nothing = is_nothing(n, squares, largest(n, r->value));
    const double own = nothing ? 0.0 : lagged(n, r->spare, 1) / squares;
    for (int64_t k = 0; k + 1 < n; k++)
        r->work[k] = r->work[k + 1] - own * r->work[k] + slope * (r->time[k + 1] - r->time[0]);
    return PC_OK;
}

/* ---- Mann-Kendall ---------------------------------------------------------------------------- */

static pc_status test_kendall(const job *j, room *r, pc_worker *worker, int64_t i, int64_t n,
                              pc_error *err)
{
    const bool is_trend_free = j->correction == PC_CORRECT_WHITEN_TREND_FREE;
    const bool is_whitened = is_trend_free || j->correction == PC_CORRECT_WHITEN;
    j->n_used[i] = j->score[i] = j->n_tied[i] = 0;
    j->variance[i] = j->factor[i] = NAN;
    if (n < FEWEST_FOR_TEST) return PC_OK;
    memcpy(r->work, r->value, (size_t)n * sizeof *r->work);
    pc_status status = PC_OK;
    if (is_whitened) status = whiten(r, worker, n, is_trend_free, err);
    if (status != PC_OK) return status;
    const int64_t n_used = is_whitened ? n - 1 : n;
    const kendall found = count_pairs(n_used, r->work, r->spare);
    double factor = 1.0;
    if (j->correction == PC_CORRECT_HAMED_RAO)
        status = hamed_rao(r, worker, n, j->z, &factor, err);
    if (j->correction == PC_CORRECT_YUE_WANG) status = yue_wang(r, worker, n, &factor, err);
    j->n_used[i] = n_used;
    j->score[i] = found.score;
    j->n_tied[i] = found.n_tied;
    j->variance[i] = found.variance;
    j->factor[i] = factor;
    return status;
}

pc_status pc_trend_kendall(pc_context *ctx, const pc_series *series, pc_correction correction,
                           double z, int64_t *n_used, int64_t *score, int64_t *n_tied,
                           double *variance, double *factor)
{
    job j = {.series = series, .fn = test_kendall, .correction = correction, .z = z,
             .n_used = n_used, .score = score, .n_tied = n_tied, .variance = variance,
             .factor = factor};
    j.has_slopes = correction != PC_CORRECT_NOTHING && correction != PC_CORRECT_WHITEN;
    if (correction < PC_CORRECT_NOTHING || correction >= PC_CORRECT_END)
        return pc_context_fail(ctx, PC_ERR_VALUE, "correction", -1, -1, "is not one of those known");
    return run(ctx, &j);
}
