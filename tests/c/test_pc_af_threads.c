/* Rankings under many weightings: on paper, and against all pairs compared as fractions. */
#include "pc_af.h"
#include "pc_af_order.h"
#include "pc_made.h"
#include "pc_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { R = PC_AF_N_STATISTICS };

/* ---- made tables ---- */

/* Profiles with whole weights, so that measures are quotients of integers. */
typedef struct table {
    int64_t n_profiles, n_groups, n, n_cutoffs;
    int64_t *weight;     /* [profiles][groups] */
    int64_t *population; /* [groups] */
    double *share, *baseline, *value;
    int64_t *score, *cutoff;
    int64_t denominator;
    pc_af_board board;
    pc_af_weightings weightings;
} table;

static void *take(int64_t n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);
    if (block == NULL) abort();
    return block;
}

static int compare_down(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static void point(table *t)
{
    t->board = (pc_af_board){.n_profiles = t->n_profiles,
                             .n_groups = t->n_groups,
                             .share = t->share,
                             .n_measures = 2,
                             .measure = {PC_AF_HEADCOUNT, PC_AF_M0},
                             .baseline = t->baseline};
    t->weightings = (pc_af_weightings){.n = t->n,
                                       .score = t->score,
                                       .value = t->value,
                                       .n_cutoffs = t->n_cutoffs,
                                       .cutoff = t->n_cutoffs > 0 ? t->cutoff : NULL};
}

static void finish(table *t)
{
    for (int64_t g = 0; g < t->n_groups; g++) {
        int64_t all = t->population[g];
        for (int64_t p = 0; p < t->n_profiles; p++) all += t->weight[p * t->n_groups + g];
        t->population[g] = all;
        for (int64_t p = 0; p < t->n_profiles; p++)
            t->share[p * t->n_groups + g] =
                (double)t->weight[p * t->n_groups + g] / (double)t->population[g];
    }
    for (int64_t i = 0; i < t->n * t->n_profiles; i++)
        t->value[i] = (double)t->score[i] / (double)t->denominator;
    for (int64_t w = 0; w < t->n; w++)
        qsort(t->cutoff + w * t->n_cutoffs, (size_t)t->n_cutoffs, sizeof *t->cutoff, compare_down);
    point(t);
}

static void room(table *t, int64_t n_profiles, int64_t n_groups, int64_t n, int64_t n_cutoffs)
{
    *t = (table){.n_profiles = n_profiles, .n_groups = n_groups, .n = n, .n_cutoffs = n_cutoffs};
    t->weight = take(n_profiles * n_groups, sizeof *t->weight);
    t->population = take(n_groups, sizeof *t->population);
    t->share = take(n_profiles * n_groups, sizeof *t->share);
    t->baseline = take(2 * n_groups, sizeof *t->baseline);
    t->score = take(n * n_profiles, sizeof *t->score);
    t->value = take(n * n_profiles, sizeof *t->value);
    t->cutoff = take(n * n_cutoffs, sizeof *t->cutoff);
}

static void clear(table *t)
{
    free(t->weight);
    free(t->population);
    free(t->share);
    free(t->baseline);
    free(t->score);
    free(t->value);
    free(t->cutoff);
}

/* Few different scores and weights: ties of all kinds. */
static void draw(table *t, pc_draws *draws, int64_t most_weight, int64_t denominator)
{
    t->denominator = denominator;
    for (int64_t i = 0; i < t->n_profiles * t->n_groups; i++)
        t->weight[i] = pc_draw_below(draws, 3) == 0 ? 0 : pc_draw_below(draws, most_weight + 1);
    for (int64_t g = 0; g < t->n_groups; g++) t->population[g] = 1 + pc_draw_below(draws, 3);
    for (int64_t i = 0; i < 2 * t->n_groups; i++)
        t->baseline[i] = (double)pc_draw_below(draws, 2 * t->n_groups) / (double)t->n_groups;
    for (int64_t i = 0; i < t->n * t->n_profiles; i++)
        t->score[i] = pc_draw_below(draws, denominator + 1);
    for (int64_t i = 0; i < t->n * t->n_cutoffs; i++)
        t->cutoff[i] = 1 + pc_draw_below(draws, denominator + 1);
    finish(t);
}

/* ---- results ---- */

typedef struct kept {
    int64_t n_numbers, n_integers;
    double *numbers;
    int64_t *integers;
    int32_t *turned;
    uint64_t *ever;
    int64_t n_turned, n_ever;
    pc_af_result result;
} kept;

static void room_for(kept *k, const table *t)
{
    const int64_t m = t->board.n_measures, g = t->n_groups;
    const int64_t slots = pc_af_n_slots(&t->weightings);
    const int64_t a = t->n * m * R, b = m * slots * R, c = m * slots * g;
    k->n_numbers = m * g + 2 * a + 2 * b + 5 * c;
    k->n_integers = m * g + a + b;
    k->n_turned = m * g * g;
    k->n_ever = m * slots * pc_af_ever_words(g);
    double *x = k->numbers = take(k->n_numbers, sizeof *x);
    int64_t *n = k->integers = take(k->n_integers, sizeof *n);
    k->turned = take(k->n_turned, sizeof *k->turned);
    k->ever = take(k->n_ever, sizeof *k->ever);
    k->result = (pc_af_result){
        .rank = x,
        .level = n,
        .of_weighting = {x + m * g, x + m * g + a, n + m * g},
        .of_slot = {x + m * g + 2 * a, x + m * g + 2 * a + b, n + m * g + a},
        .turned = k->turned,
        .ever = k->ever,
    };
    x += m * g + 2 * a + 2 * b;
    k->result.rank_least = x;
    k->result.rank_most = x + c;
    k->result.rank_total = x + 2 * c;
    k->result.value_least = x + 3 * c;
    k->result.value_most = x + 4 * c;
}

static void give_back(kept *k)
{
    free(k->numbers);
    free(k->integers);
    free(k->turned);
    free(k->ever);
}

static bool are_same(const kept *a, const kept *b)
{
    return memcmp(a->numbers, b->numbers, (size_t)a->n_numbers * sizeof *a->numbers) == 0 &&
           memcmp(a->integers, b->integers, (size_t)a->n_integers * sizeof *a->integers) == 0 &&
           memcmp(a->turned, b->turned, (size_t)a->n_turned * sizeof *a->turned) == 0 &&
           memcmp(a->ever, b->ever, (size_t)a->n_ever * sizeof *a->ever) == 0;
}

static pc_status rank(const table *t, kept *k, int n_threads, pc_simd simd)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = n_threads;
    ctx.simd = simd;
    room_for(k, t);
    const pc_status status = pc_af_rank(&ctx, &t->board, &t->weightings, &k->result);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0 && atomic_load(&ctx.memory.n_blocks) == 0);
    return status;
}

/* ---- the oracle: all pairs, as fractions ---- */

/* The measure of group g at a cut-off, times the population and the denominator. */
static int64_t part(const table *t, int64_t w, int64_t cutoff, int64_t m, int64_t g)
{
    int64_t sum = 0;
    for (int64_t p = 0; p < t->n_profiles; p++) {
        const int64_t score = t->score[w * t->n_profiles + p];
        if (score >= cutoff)
            sum += t->weight[p * t->n_groups + g] * (m == 0 ? t->denominator : score);
    }
    return sum;
}

/* Whether the first is higher, 1, or lower, -1, than the second. */
static int sign(const table *t, const int64_t *parts, int64_t a, int64_t b)
{
    const int64_t x = parts[a] * t->population[b], y = parts[b] * t->population[a];
    return (x > y) - (x < y);
}

static int base_sign(const table *t, int64_t m, int64_t a, int64_t b)
{
    const double *x = t->baseline + m * t->n_groups;
    return (x[a] > x[b]) - (x[a] < x[b]);
}

typedef struct expected {
    double value[R];
    double rank[64];
    int32_t turned[64][64];
} expected;

static expected compare(const table *t, int64_t w, int64_t cutoff, int64_t m)
{
    const int64_t n = t->n_groups;
    expected e = {{NAN, NAN, NAN}, {0}, {{0}}};
    int64_t parts[64], s = 0, s0 = 0, sum = 0, against = 0;
    double base_rank[64] = {0}, xy = 0, xx = 0, yy = 0;
    for (int64_t g = 0; g < n; g++) parts[g] = part(t, w, cutoff, m, g);
    for (int64_t a = 0; a < n; a++) {
        for (int64_t b = 0; b < n; b++) {
            const int own = sign(t, parts, a, b), base = base_sign(t, m, a, b);
            e.rank[a] += own < 0 ? 1 : own == 0 ? 0.5 : 0;
            base_rank[a] += base < 0 ? 1 : base == 0 ? 0.5 : 0;
            e.turned[a][b] = base > 0 && own < 0;
            if (a >= b) continue;
            s += own != 0;
            s0 += base != 0;
            sum += own * base;
            against += own * base < 0;
        }
        e.rank[a] += 0.5; /* a group equals itself */
        base_rank[a] += 0.5;
    }
    for (int64_t g = 0; g < n; g++) {
        const double x = e.rank[g] - (double)(n + 1) / 2, y = base_rank[g] - (double)(n + 1) / 2;
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    if (xx > 0 && yy > 0) e.value[PC_AF_SPEARMAN] = xy / sqrt(xx * yy);
    if (s > 0 && s0 > 0) e.value[PC_AF_KENDALL] = (double)sum / sqrt((double)s * (double)s0);
    if (s0 > 0) e.value[PC_AF_HOLDS] = 1 - (double)against / (double)s0;
    return e;
}

static bool near(double a, double b)
{
    return a == b || fabs(a - b) < 1e-12;
}

/* The cut-offs of a weighting, highest first; how many. */
static int64_t cutoffs_of(const table *t, int64_t w, int64_t *cutoff)
{
    if (t->n_cutoffs > 0) {
        memcpy(cutoff, t->cutoff + w * t->n_cutoffs, (size_t)t->n_cutoffs * sizeof *cutoff);
        return t->n_cutoffs;
    }
    int64_t n = 0;
    for (int64_t k = t->denominator; k > 0; k--)
        for (int64_t p = 0; p < t->n_profiles; p++)
            if (t->score[w * t->n_profiles + p] == k) {
                cutoff[n++] = k;
                break;
            }
    return n;
}

static void expect_oracle(const table *t, const kept *k)
{
    const int64_t n = t->n_groups, slots = pc_af_n_slots(&t->weightings);
    for (int64_t m = 0; m < 2; m++) {
        static int32_t times[64][64];
        double least[8][64], most[8][64];
        memset(times, 0, sizeof times);
        for (int64_t s = 0; s < slots; s++)
            for (int64_t g = 0; g < n; g++) least[s][g] = INFINITY, most[s][g] = -INFINITY;
        for (int64_t w = 0; w < t->n; w++) {
            int64_t cutoff[256], n_defined[R] = {0};
            double lowest[R] = {INFINITY, INFINITY, INFINITY}, total[R] = {0};
            static int32_t some[64][64];
            memset(some, 0, sizeof some);
            const int64_t n_cutoffs = cutoffs_of(t, w, cutoff);
            for (int64_t c = 0; c < n_cutoffs; c++) {
                const int64_t slot = t->n_cutoffs > 0 ? c : 0;
                const expected e = compare(t, w, cutoff[c], m);
                for (int s = 0; s < R; s++) {
                    if (isnan(e.value[s])) continue;
                    n_defined[s]++;
                    total[s] += e.value[s];
                    lowest[s] = fmin(lowest[s], e.value[s]);
                }
                for (int64_t g = 0; g < n; g++) {
                    least[slot][g] = fmin(least[slot][g], e.rank[g]);
                    most[slot][g] = fmax(most[slot][g], e.rank[g]);
                    for (int64_t b = 0; b < n; b++) some[g][b] |= e.turned[g][b];
                }
            }
            for (int s = 0; s < R; s++) {
                const int64_t i = (w * 2 + m) * R + s;
                EXPECT(k->result.of_weighting.n[i] == n_defined[s]);
                EXPECT(near(k->result.of_weighting.least[i], lowest[s]));
                EXPECT(near(k->result.of_weighting.total[i], total[s]));
            }
            for (int64_t a = 0; a < n; a++)
                for (int64_t b = 0; b < n; b++) times[a][b] += some[a][b];
        }
        for (int64_t a = 0; a < n; a++)
            for (int64_t b = 0; b < n; b++)
                EXPECT(k->turned[(m * n + a) * n + b] == times[a][b]);
        for (int64_t s = 0; s < slots; s++)
            for (int64_t g = 0; g < n; g++) {
                EXPECT(k->result.rank_least[(m * slots + s) * n + g] == least[s][g]);
                EXPECT(k->result.rank_most[(m * slots + s) * n + g] == most[s][g]);
            }
    }
}

/* ---- claims ---- */

/* Of A nobody, of B one in two, of C all are deprived in the first; in the second all, one, nobody.
 * Baseline C, B, A. Weighting (1, 0) ranks alike; (0, 1) the other way round, at its one score above 0. */
static void a_ranking_turned_round_on_paper(void)
{
    static const double share[] = {0.0, 0.5, 1.0, 1.0, 0.5, 0.0}, baseline[] = {0.0, 0.5, 1.0};
    static const int64_t score[] = {1, 0, 0, 1};
    static const double value[] = {1, 0, 0, 1};
    table t = {.n_profiles = 2, .n_groups = 3, .n = 2};
    kept k;
    t.board = (pc_af_board){2, 3, share, 1, {PC_AF_HEADCOUNT, PC_AF_HEADCOUNT}, baseline};
    t.weightings = (pc_af_weightings){2, score, value, 0, NULL};
    EXPECT(rank(&t, &k, 1, PC_SIMD_PORTABLE) == PC_OK);
    EXPECT(k.result.rank[0] == 3 && k.result.rank[1] == 2 && k.result.rank[2] == 1);
    EXPECT(k.result.level[0] == 2 && k.result.level[1] == 1 && k.result.level[2] == 0);
    for (int s = 0; s < R; s++) {
        EXPECT(k.result.of_weighting.least[s] == 1.0 && k.result.of_weighting.n[s] == 1);
        EXPECT(k.result.of_weighting.least[R + s] == (s == PC_AF_HOLDS ? 0.0 : -1.0));
        EXPECT(k.result.of_slot.least[s] == (s == PC_AF_HOLDS ? 0.0 : -1.0));
        EXPECT(k.result.of_slot.total[s] == (s == PC_AF_HOLDS ? 1.0 : 0.0));
    }
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) EXPECT(k.turned[a * 3 + b] == (a > b ? 1 : 0));
    EXPECT(k.result.rank_least[0] == 1 && k.result.rank_most[0] == 3);
    EXPECT(k.result.rank_least[1] == 2 && k.result.rank_most[1] == 2);
    EXPECT(k.result.value_least[2] == 0.0 && k.result.value_most[2] == 1.0);
    give_back(&k);
}

static void made_tables_are_as_all_pairs_say(void)
{
    static const int64_t groups[] = {2, 3, 4, 5, 7, 8, 9, 13, 31, 64};
    pc_draws draws = {1};
    int64_t n_tables = 0;
    for (int round = 0; round < 9; round++) {
        for (size_t a = 0; a < sizeof groups / sizeof *groups; a++) {
            table t;
            kept k;
            const int64_t n_cutoffs = round % 3 == 0 ? 1 + pc_draw_below(&draws, 5) : 0;
            room(&t, 1 + pc_draw_below(&draws, 40), groups[a], 2, n_cutoffs);
            draw(&t, &draws, 1 + pc_draw_below(&draws, 9), round % 2 ? 7 : 97);
            const pc_simd simd = round % 4 < 2 ? PC_SIMD_PORTABLE : pc_cpu_simd();
            if (EXPECT(rank(&t, &k, 1, simd) == PC_OK)) expect_oracle(&t, &k);
            give_back(&k);
            clear(&t);
            n_tables++;
        }
    }
    EXPECT(n_tables == 90);
}

/* Groups far apart, of which a few at a time come level with others, pass them, or stay behind: most
 * places are never looked at again. */
static void small_changes_in_a_long_order_are_seen(void)
{
    enum { GROUPS = 64, PROFILES = 90, STEP = 4 };
    pc_draws draws = {10};
    for (int round = 0; round < 6; round++) {
        table t;
        kept k;
        room(&t, PROFILES, GROUPS, 1, 0);
        draw(&t, &draws, 0, PROFILES);
        for (int64_t p = 0; p < PROFILES; p++) t.score[p] = PROFILES - p;
        for (int64_t g = 0; g < GROUPS; g++) {
            t.weight[g] = STEP * ((g * 37) % GROUPS); /* 37 is odd: each once */
            t.population[g] = 1000;
            t.baseline[g] = t.baseline[GROUPS + g] = (double)((g * 11) % (GROUPS - 2));
        }
        for (int64_t p = 1; p < PROFILES; p++)
            for (int64_t c = pc_draw_below(&draws, 3); c >= 0; c--)
                t.weight[p * GROUPS + pc_draw_below(&draws, GROUPS)] +=
                    1 + pc_draw_below(&draws, 3 * STEP);
        for (int64_t p = 1; p < PROFILES; p++) { /* two neighbours pass a third together */
            const int64_t r = pc_draw_below(&draws, GROUPS - 1);
            t.weight[p * GROUPS + 45 * r % GROUPS] += 10; /* 45 x 37 = 1 of 64 */
            t.weight[p * GROUPS + 45 * (r + 1) % GROUPS] += 10;
        }
        for (int64_t g = 0; g < GROUPS; g++) { /* one population for all: ties are ties of weights */
            int64_t all = 0;
            for (int64_t p = 0; p < PROFILES; p++) all += t.weight[p * GROUPS + g];
            t.population[g] -= all;
        }
        finish(&t);
        if (EXPECT(rank(&t, &k, 1, round % 2 ? PC_SIMD_PORTABLE : pc_cpu_simd()) == PC_OK))
            expect_oracle(&t, &k);
        give_back(&k);
        clear(&t);
    }
}

/* ---- orders, step by step ---- */

enum { MOST = PC_AF_MOST_GROUPS, UNITS = 36, JITTER = 46 }; /* shares are multiples of 2^-36, or nearly */

/* An order under way, and what all pairs say of it. Groups are ranked by `whole`, in units. */
typedef struct walk {
    int64_t n, n_words;
    pc_af_reference reference;
    pc_af_order order;
    const pc_af_kernels *kernels;
    double *share;
    int64_t *whole, *base;
    int32_t *expected; /* [groups] twice the rank */
    bool *open;        /* [groups][groups] */
    int64_t n_closed, n_tied, n_unchanged;
} walk;

static void start_reference(walk *w, pc_draws *draws)
{
    pc_af_reference *r = &w->reference;
    const int64_t n = w->n;
    int64_t n_places = 0;
    *r = (pc_af_reference){.order = take(n, 4),
                           .place = take(n, 4),
                           .level = take(n, 4),
                           .rank = take(n, 2),
                           .lower = take((n + 1) * w->n_words, 8),
                           .own = take((n + 1) * w->n_words, 8)};
    for (int64_t g = 0; g < n; g++) w->base[g] = pc_draw_below(draws, n);
    for (int64_t value = n - 1; value >= 0; value--)
        for (int64_t g = 0; g < n; g++) {
            if (w->base[g] != value) continue;
            r->place[g] = (int32_t)n_places;
            r->order[n_places++] = (int32_t)g;
        }
    for (int64_t a = 0; a < n; a++) {
        r->own[a * w->n_words + a / 64] |= (uint64_t)1 << a % 64;
        r->rank[a] = 1;
        for (int64_t b = 0; b < n; b++) {
            r->rank[a] = (int16_t)(r->rank[a] + (w->base[b] > w->base[a]) + (w->base[b] >= w->base[a]));
            r->level[a] += a != b && w->base[b] > w->base[a];
            w->open[a * n + b] = w->base[b] < w->base[a];
            if (w->open[a * n + b]) r->lower[a * w->n_words + b / 64] |= (uint64_t)1 << b % 64;
        }
    }
}

static void start_walk(walk *w, int64_t n, pc_simd simd, pc_draws *draws)
{
    *w = (walk){.n = n, .n_words = pc_af_row_words(n), .kernels = pc_af_kernels_for(simd)};
    w->share = take(n, 8);
    w->whole = take(n, 8);
    w->base = take(n, 8);
    w->expected = take(n, 4);
    w->open = take(n * n, sizeof *w->open);
    start_reference(w, draws);
    w->order = (pc_af_order){.reference = &w->reference,
                             .sum = take(n, 8),
                             .value = take(n, 8),
                             .key = take(n, 4),
                             .group = take(n, 4),
                             .at = take(PC_AF_ROWS * PC_AF_COLUMNS, 4),
                             .rank = take(n + 1, 2),
                             .tied = take(n, sizeof(pc_af_places)),
                             .open = take((n + 1) * w->n_words, 8)};
    memcpy(w->order.open, w->reference.lower, (size_t)(n * w->n_words) * 8);
    w->kernels->start(n, w->reference.order, &w->order);
}

static void end_walk(walk *w)
{
    void *blocks[] = {w->share,           w->whole,           w->base,           w->expected,
                      w->open,            w->reference.order, w->reference.place, w->reference.level,
                      w->reference.rank,  w->reference.lower, w->reference.own,  w->order.sum,
                      w->order.value,     w->order.key,       w->order.group,    w->order.at,
                      w->order.rank,      w->order.tied,      w->order.open};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) free(blocks[b]);
}

/* What the next row adds: to few groups or all, far or near, equal or nearly, or nothing. */
static pc_af_row draw_row(walk *w, pc_draws *draws, int kind)
{
    static const int64_t most[] = {3, 2, 5, 0, 40, 1 << 20, 1 << 30, 0};
    double least = 1.0, high = 0.0;
    for (int64_t g = 0; g < w->n; g++) {
        const bool is_left_out = kind % 2 == 1 && pc_draw_below(draws, 8) > 0;
        const int64_t units = is_left_out ? 0 : pc_draw_below(draws, most[kind] + 1);
        w->whole[g] += units;
        w->share[g] = ldexp((double)units, -UNITS);
        if (kind == 1) w->share[g] += ldexp((double)pc_draw_below(draws, 4), -JITTER);
        least = fmin(least, w->share[g]);
        high = fmax(high, w->share[g]);
    }
    return (pc_af_row){w->share, 1.0, least, high, w->share};
}

static void expect_as_all_pairs_say(walk *w)
{
    const int64_t n = w->n;
    int64_t against = 0;
    for (int64_t a = 0; a < n; a++) {
        int32_t rank = 1;
        for (int64_t b = 0; b < n; b++) {
            const bool is_above = w->whole[b] > w->whole[a];
            rank += is_above + (w->whole[b] >= w->whole[a]);
            against += is_above && w->base[b] < w->base[a];
            w->n_closed += is_above && w->open[a * n + b];
            w->open[a * n + b] &= !is_above;
            const uint64_t word = w->order.open[a * w->n_words + b / 64];
            EXPECT((word >> b % 64 & 1) == w->open[a * n + b]);
        }
        w->expected[a] = rank;
        EXPECT(w->order.rank[a] == rank);
    }
    EXPECT(w->order.against == against);
    for (int64_t t = 0; t < w->order.n_tied; t++)
        for (int64_t i = w->order.tied[t].first; i < w->order.tied[t].last; i++) {
            const int64_t a = pc_af_group_at(n, &w->order, i), b = pc_af_group_at(n, &w->order, i + 1);
            EXPECT(w->whole[a] == w->whole[b] && w->reference.place[a] < w->reference.place[b]);
            w->n_tied++;
        }
}

static bool are_ranks_as_before(const walk *w)
{
    for (int64_t a = 0; a < w->n; a++) {
        int32_t rank = 1;
        for (int64_t b = 0; b < w->n; b++)
            rank += (w->whole[b] > w->whole[a]) + (w->whole[b] >= w->whole[a]);
        if (rank != w->expected[a]) return false;
    }
    return true;
}

static void orders_are_as_all_pairs_say(void)
{
    static const int64_t groups[] = {2, 3, 15, 16, 17, 127, 128, 129, 200, 255, 256, 257, MOST};
    pc_draws draws = {11};
    for (size_t k = 0; k < 2 * sizeof groups / sizeof *groups; k++) {
        walk w;
        start_walk(&w, groups[k / 2], k % 2 ? pc_cpu_simd() : PC_SIMD_PORTABLE, &draws);
        const int n_steps = w.n > 300 ? 8 : 24;
        for (int step = 0; step < n_steps; step++) {
            const pc_af_row row = draw_row(&w, &draws, 8 * step / n_steps);
            if (w.kernels->settle(w.n, &row, &w.order, step == 0)) {
                expect_as_all_pairs_say(&w);
            } else {
                EXPECT(are_ranks_as_before(&w));
                w.n_unchanged++;
            }
        }
        EXPECT(w.n <= 3 || (w.n_closed > 0 && w.n_tied > 0));
        EXPECT(w.n > 300 || w.n_unchanged > 0);
        end_walk(&w);
    }
}

/* As many groups as there may be that differ by less than what a key shows, in the reverse of the order that
 * held before; and by so little that they are equal, in no order at all. */
static void groups_closer_than_steps_are_told_apart(void)
{
    pc_draws draws = {12};
    for (int k = 0; k < 8; k++) {
        walk w;
        start_walk(&w, k % 4 < 2 ? 200 : MOST, k % 2 ? pc_cpu_simd() : PC_SIMD_PORTABLE, &draws);
        const int unit = k < 4 ? 39 : 52; /* below PC_AF_SAME, 2^-40, all are one */
        for (int64_t g = 0; g < w.n; g++) {
            w.whole[g] = k < 4 ? w.reference.place[g] : 0;
            w.share[g] = 0.25 + ldexp(k < 4 ? w.reference.place[g] : (double)((g * 7) % w.n), -unit);
        }
        w.share[0] = 0.75; /* the range is wide, and the rest in one step of it */
        w.whole[0] = w.n;
        const pc_af_row row = {w.share, 1.0, 0.25, 0.75, w.share};
        EXPECT(w.kernels->settle(w.n, &row, &w.order, true));
        expect_as_all_pairs_say(&w);
        EXPECT(w.order.n_tied == (k < 4 ? 0 : 1));
        end_walk(&w);
    }
}

static void ranks_are_widened_and_multiplied(void)
{
    pc_draws draws = {13};
    for (int64_t n = 2; n < 50; n++) {
        walk w;
        int16_t least[50], most[50];
        start_walk(&w, n, n % 2 ? pc_cpu_simd() : PC_SIMD_PORTABLE, &draws);
        int64_t product = 0;
        for (int64_t g = 0; g < n; g++) {
            w.order.rank[g] = (int16_t)(2 + pc_draw_below(&draws, 2 * n));
            least[g] = (int16_t)(g % 3 == 0 ? w.order.rank[g] + 1 : w.order.rank[g] - 1);
            most[g] = (int16_t)(g % 3 == 1 ? w.order.rank[g] - 1 : w.order.rank[g] + 1);
            product += (int64_t)w.order.rank[g] * w.reference.rank[g];
        }
        EXPECT(w.kernels->note_ranks(n, &w.order, least, most) == product);
        for (int64_t g = 0; g < n; g++) {
            EXPECT(least[g] == w.order.rank[g] - (g % 3 != 0));
            EXPECT(most[g] == w.order.rank[g] + (g % 3 != 1));
        }
        end_walk(&w);
    }
}

static void every_number_of_threads_and_either_build_gives_the_same_bits(void)
{
    static const int n_threads[] = {1, 2, 7};
    pc_draws draws = {2};
    for (int64_t n_cutoffs = 0; n_cutoffs <= 3; n_cutoffs += 3) {
        for (int64_t n_groups = 70; n_groups <= 300; n_groups += 230) {
            table t;
            room(&t, 300, n_groups, 50, n_cutoffs);
            draw(&t, &draws, 50, 30);
            kept first;
            EXPECT(rank(&t, &first, 1, PC_SIMD_PORTABLE) == PC_OK);
            for (size_t a = 0; a < sizeof n_threads / sizeof *n_threads; a++) {
                kept other;
                EXPECT(rank(&t, &other, n_threads[a], pc_cpu_simd()) == PC_OK);
                EXPECT(are_same(&first, &other));
                give_back(&other);
            }
            give_back(&first);
            clear(&t);
        }
    }
}

/* All scores given as cut-offs, from a fresh order at each, and the order carried from one to the next. */
static void repairing_the_order_is_ranking_anew(void)
{
    pc_draws draws = {3};
    table t, given;
    kept all, each;
    room(&t, 200, 90, 3, 0);
    draw(&t, &draws, 30, 40);
    for (int64_t w = 0; w < 3; w++) /* so that every score occurs */
        for (int64_t c = 0; c < 40; c++) t.score[w * 200 + c] = 1 + c;
    for (int64_t i = 0; i < 3 * 200; i++) t.value[i] = (double)t.score[i] / 40.0;
    room(&given, 200, 90, 3, 40);
    memcpy(given.weight, t.weight, 200 * 90 * sizeof *t.weight);
    memcpy(given.population, t.population, 90 * sizeof *t.population);
    memcpy(given.share, t.share, 200 * 90 * sizeof *t.share);
    memcpy(given.baseline, t.baseline, 2 * 90 * sizeof *t.baseline);
    memcpy(given.score, t.score, 3 * 200 * sizeof *t.score);
    memcpy(given.value, t.value, 3 * 200 * sizeof *t.value);
    for (int64_t w = 0; w < 3; w++)
        for (int64_t c = 0; c < 40; c++) given.cutoff[w * 40 + c] = 40 - c;
    point(&given);
    EXPECT(rank(&t, &all, 1, pc_cpu_simd()) == PC_OK);
    EXPECT(rank(&given, &each, 1, pc_cpu_simd()) == PC_OK);
    for (int64_t i = 0; i < 3 * 2 * R; i++) {
        EXPECT(all.result.of_weighting.n[i] == 40);
        EXPECT(all.result.of_weighting.least[i] == each.result.of_weighting.least[i]);
        EXPECT(all.result.of_weighting.total[i] == each.result.of_weighting.total[i]);
    }
    EXPECT(memcmp(all.turned, each.turned, 2 * 90 * 90 * sizeof *all.turned) == 0);
    give_back(&all);
    give_back(&each);
    clear(&t);
    clear(&given);
}

/* Two that no double tells apart, and one that differs from 0 in its highest bits only. */
static void scores_are_integers_of_62_bits(void)
{
    static const double share[] = {0.0, 0.5, 0.0, 0.5, 1.0, 0.0}, baseline[] = {1.0, 0.0};
    static const int64_t score[] = {((int64_t)1 << 61) - 1, ((int64_t)1 << 62) - 2,
                                    ((int64_t)1 << 62) - 1};
    static const double value[] = {1.0, 1.0, 1.0};
    table t = {.n_profiles = 3, .n_groups = 2, .n = 1};
    kept k;
    t.board = (pc_af_board){3, 2, share, 1, {PC_AF_HEADCOUNT, PC_AF_HEADCOUNT}, baseline};
    t.weightings = (pc_af_weightings){1, score, value, 0, NULL};
    EXPECT(rank(&t, &k, 1, PC_SIMD_PORTABLE) == PC_OK);
    EXPECT(k.result.of_weighting.n[PC_AF_HOLDS] == 3);
    EXPECT(k.result.of_weighting.n[PC_AF_KENDALL] == 2); /* at the last both are 1 */
    EXPECT(k.result.of_weighting.least[PC_AF_HOLDS] == 1.0);
    EXPECT(k.result.rank_least[0] == 1.0 && k.result.rank_most[0] == 1.5);
    give_back(&k);
}

/* 0.1 + 0.2 and 0.3 */
static void values_equal_but_for_rounding_are_equal(void)
{
    static const double share[] = {0.1, 0.0, 0.2, 0.3}, baseline[] = {1.0, 1.0};
    static const int64_t score[] = {1, 1};
    static const double value[] = {1.0, 1.0};
    table t = {.n_profiles = 2, .n_groups = 2, .n = 1};
    kept k;
    t.board = (pc_af_board){2, 2, share, 1, {PC_AF_M0, PC_AF_M0}, baseline};
    t.weightings = (pc_af_weightings){1, score, value, 0, NULL};
    EXPECT(rank(&t, &k, 1, PC_SIMD_PORTABLE) == PC_OK);
    EXPECT(k.result.rank_least[0] == 1.5 && k.result.rank_most[1] == 1.5);
    EXPECT(k.result.of_weighting.n[PC_AF_KENDALL] == 0 && k.result.of_weighting.n[PC_AF_HOLDS] == 0);
    give_back(&k);
}

static void without_deprivations_profiles_or_weightings_nothing_is_ranked(void)
{
    pc_draws draws = {4};
    for (int what = 0; what < 3; what++) {
        table t;
        kept k;
        room(&t, what == 1 ? 0 : 5, 6, what == 2 ? 0 : 2, 0);
        draw(&t, &draws, 5, 9);
        if (what == 0) memset(t.score, 0, 2 * 5 * sizeof *t.score);
        EXPECT(rank(&t, &k, 2, pc_cpu_simd()) == PC_OK);
        for (int64_t i = 0; i < t.n * 2 * R; i++) EXPECT(k.result.of_weighting.n[i] == 0);
        for (int64_t i = 0; i < 2 * R; i++) EXPECT(k.result.of_slot.n[i] == 0);
        for (int64_t i = 0; i < 2 * 6; i++) EXPECT(isinf(k.result.rank_least[i]));
        EXPECT(k.result.rank[0] >= 1 && k.result.rank[0] <= 6);
        give_back(&k);
        clear(&t);
    }
}

static void as_many_groups_as_there_may_be(void)
{
    pc_draws draws = {5};
    table t;
    kept first, other;
    room(&t, 40, PC_AF_MOST_GROUPS, 2, 0);
    draw(&t, &draws, 1000, 30);
    EXPECT(rank(&t, &first, 1, PC_SIMD_PORTABLE) == PC_OK);
    EXPECT(rank(&t, &other, 2, pc_cpu_simd()) == PC_OK);
    EXPECT(are_same(&first, &other));
    EXPECT(first.result.of_weighting.least[PC_AF_KENDALL] < 0.5);
    give_back(&first);
    give_back(&other);
    clear(&t);
}

static void expect_failure(table *t, pc_status status, const char *argument, int64_t index)
{
    pc_context ctx;
    kept k;
    pc_context_init(&ctx);
    room_for(&k, t);
    EXPECT(pc_af_rank(&ctx, &t->board, &t->weightings, &k.result) == status);
    EXPECT(strcmp(ctx.error.argument, argument) == 0 && ctx.error.index == index);
    EXPECT(atomic_load(&ctx.memory.n_blocks) == 0);
    give_back(&k);
}

static void wrong_input_is_named_with_its_place(void)
{
    static const double bad[] = {NAN, INFINITY, -0.25, 1.25};
    pc_draws draws = {6};
    table t;
    room(&t, 10, 6, 3, 4);
    draw(&t, &draws, 5, 9);
    for (int b = 0; b < 4; b++) {
        const double kept_share = t.share[17], kept_value = t.baseline[7];
        t.share[17] = bad[b];
        expect_failure(&t, PC_ERR_VALUE, "share", 17);
        t.share[17] = kept_share;
        t.baseline[7] = bad[b];
        if (b < 2) expect_failure(&t, PC_ERR_VALUE, "baseline", 7);
        t.baseline[7] = kept_value;
    }
    t.score[2 * 10 + 5] = -1;
    expect_failure(&t, PC_ERR_VALUE, "score", 25);
    t.score[2 * 10 + 5] = 0;
    t.cutoff[4 + 2] = 100;
    expect_failure(&t, PC_ERR_VALUE, "cutoff", 6);
    t.cutoff[4 + 2] = 1;
    t.board.n_groups = 1;
    expect_failure(&t, PC_ERR_LIMIT, "share", -1);
    t.board.n_groups = PC_AF_MOST_GROUPS + 1;
    expect_failure(&t, PC_ERR_LIMIT, "share", -1);
    clear(&t);
}

static pc_status rank_again(pc_context *ctx, void *arg)
{
    const table *t = arg;
    kept k;
    room_for(&k, t);
    const pc_status status = pc_af_rank(ctx, &t->board, &t->weightings, &k.result);
    give_back(&k);
    return status;
}

static void every_allocation_may_fail(void)
{
    pc_draws draws = {7};
    for (int64_t n_cutoffs = 0; n_cutoffs <= 2; n_cutoffs += 2) {
        for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
            pc_context ctx;
            table t;
            pc_context_init(&ctx);
            ctx.n_threads = n_threads;
            room(&t, 500, 60, 40, n_cutoffs);
            draw(&t, &draws, 5, 9);
            const int64_t n = pc_test_failing_allocator(&ctx, rank_again, &t);
            EXPECT(n == 6 + (n_cutoffs > 0) + 7 * n_threads + n_threads - 1);
            clear(&t);
        }
    }
}

/* What the header says, read off the counter: lanes, and 64 bytes of rounding for each block. */
static void memory_is_as_stated(void)
{
    enum { GROUPS = 200, PROFILES = 4096 };
    pc_draws draws = {8};
    pc_context ctx;
    table t;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    room(&t, PROFILES, GROUPS, 1, 0);
    draw(&t, &draws, 5, 100);
    EXPECT(rank_again(&ctx, &t) == PC_OK);
    const int64_t pairs = GROUPS * GROUPS;
    EXPECT(atomic_load(&ctx.memory.peak) < 2 * 5 * pairs + (16 + 32) * PROFILES + 2 * 200 * GROUPS);
    clear(&t);
}

typedef struct patience {
    int n_asked, most;
} patience;

static bool has_run_out(void *host)
{
    patience *p = host;
    return ++p->n_asked >= p->most;
}

static void the_host_can_stop_it(void)
{
    pc_draws draws = {9};
    table t;
    room(&t, 3000, 100, 400, 0);
    draw(&t, &draws, 50, 100000);
    for (int n_threads = 1; n_threads <= 2; n_threads++) {
        pc_context ctx;
        patience p = {0, 2};
        pc_context_init(&ctx);
        ctx.n_threads = n_threads;
        ctx.should_stop = has_run_out;
        ctx.host = &p;
        EXPECT(rank_again(&ctx, &t) == PC_ERR_INTERRUPTED);
        EXPECT(p.n_asked == 2);
        EXPECT(atomic_load(&ctx.memory.n_blocks) == 0);
    }
    clear(&t);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_ranking_turned_round_on_paper),
        CLAIM(made_tables_are_as_all_pairs_say),
        CLAIM(small_changes_in_a_long_order_are_seen),
        CLAIM(orders_are_as_all_pairs_say),
        CLAIM(groups_closer_than_steps_are_told_apart),
        CLAIM(ranks_are_widened_and_multiplied),
        CLAIM(every_number_of_threads_and_either_build_gives_the_same_bits),
        CLAIM(repairing_the_order_is_ranking_anew),
        CLAIM(scores_are_integers_of_62_bits),
        CLAIM(values_equal_but_for_rounding_are_equal),
        CLAIM(without_deprivations_profiles_or_weightings_nothing_is_ranked),
        CLAIM(as_many_groups_as_there_may_be),
        CLAIM(wrong_input_is_named_with_its_place),
        CLAIM(every_allocation_may_fail),
        CLAIM(memory_is_as_stated),
        CLAIM(the_host_can_stop_it),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
