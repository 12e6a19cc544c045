/*
 * Weightings are dealt out to lanes one by one, as each is done with the one before. A lane keeps
 * counts, extremes and sums of halves, which come out the same whoever adds them; what would depend on
 * the order of additions, the statistics, is written down by weighting (and cut-off) and added at the end.
 *
 * Kendall's C from what is known of an order: of the n0 pairs T are tied in the ranking, n0 - S0 in the
 * baseline and B in both, so n0 - T - (n0 - S0) + B differ in both, and C is these less D.
 */
#include "pc_af.h"

#include "pc_af_order.h"
#include "pc_parallel.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SERIAL_BELOW = 1000000, POLL_PROFILES = 64, AHEAD = 2, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

typedef struct scored {
    uint64_t score;
    int64_t profile;
} scored;

/* The three statistics of one ranking; NaN where not defined. */
typedef struct statistics {
    double value[PC_AF_N_STATISTICS];
} statistics;

/* One measure of one lane. */
typedef struct tracked {
    pc_af_order order;
    statistics latest;
    int16_t *rank_least, *rank_most; /* [slots][groups] twice; the latter 0 without a ranking */
    double *rank_total, *value_least, *value_most; /* the same */
    uint64_t *sometime; /* [groups][words] what turned at some cut-off of this weighting */
    int32_t *turned;    /* [groups][groups] weightings */
} tracked;

typedef struct lane {
    tracked of[PC_AF_N_MEASURES];
    scored *scored, *scratch; /* [profiles] */
    double *numbers;
    int32_t *places;
    int16_t *ranks;
    uint64_t *bits;
    int32_t *counts;
} lane;

/* The least and the greatest share of a profile. */
typedef struct ends {
    double least, most;
} ends;

typedef struct job {
    pc_context *ctx;
    const pc_af_board *board;
    const pc_af_weightings *weightings;
    const pc_af_result *result;
    const pc_af_kernels *kernels;
    int64_t n_slots, n_lanes;
    ends *ends; /* [profiles] */
    pc_af_reference reference[PC_AF_N_MEASURES];
    int32_t *reference_places;
    int16_t *reference_ranks;
    uint64_t *reference_bits;
    lane *lanes;                /* [n_lanes] */
    statistics *by_slot;        /* [n][measures][slots]; NULL without cut-offs */
    _Atomic uint64_t *ever;     /* [measures][slots][words] */
    _Atomic int64_t next;       /* weighting to deal out */
} job;

int64_t pc_af_n_slots(const pc_af_weightings *weightings)
{
    return weightings->n_cutoffs == 0 ? 1 : weightings->n_cutoffs;
}

int64_t pc_af_ever_words(int64_t n_groups)
{
    return n_groups * pc_af_row_words(n_groups);
}

/* ---- inputs ---- */

static pc_status check_baseline(pc_context *ctx, const pc_af_board *board)
{
    for (int64_t i = 0; i < board->n_measures * board->n_groups; i++)
        if (!(fabs(board->baseline[i]) <= DBL_MAX))
            return pc_context_fail(ctx, PC_ERR_VALUE, "baseline", -1, i, "is not finite");
    return PC_OK;
}

static pc_status check_cutoffs(pc_context *ctx, const pc_af_weightings *weightings)
{
    for (int64_t w = 0; w < weightings->n; w++) {
        const int64_t *cutoff = weightings->cutoff + w * weightings->n_cutoffs;
        for (int64_t c = 1; c < weightings->n_cutoffs; c++)
            if (cutoff[c] > cutoff[c - 1])
                return pc_context_fail(ctx, PC_ERR_VALUE, "cutoff", -1,
                                       w * weightings->n_cutoffs + c,
                                       "is above the one before; cut-offs descend");
    }
    return PC_OK;
}

static pc_status check_inputs(pc_context *ctx, const pc_af_board *board,
                              const pc_af_weightings *weightings)
{
    if (board->n_groups < 2 || board->n_groups > PC_AF_MOST_GROUPS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "share", -1, -1,
                               "has fewer than 2 groups, or more than are compared in pairs");
    if (board->n_profiles > PC_AF_MOST_PROFILES)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "share", -1, -1, "has too many profiles");
    const pc_status status = check_baseline(ctx, board);
    return status == PC_OK ? check_cutoffs(ctx, weightings) : status;
}

/* The least and the greatest share of each profile. */
static pc_status find_extremes(job *j)
{
    const int64_t n = j->board->n_groups;
    for (int64_t p = 0; p < j->board->n_profiles; p++) {
        const double *share = j->board->share + p * n;
        double least = DBL_MAX, most = 0.0;
        for (int64_t g = 0; g < n; g++) {
            if (!(share[g] >= 0.0 && share[g] <= 1.0))
                return pc_context_fail(j->ctx, PC_ERR_VALUE, "share", -1, p * n + g,
                                       "is not between 0 and 1");
            least = share[g] < least ? share[g] : least;
            most = share[g] > most ? share[g] : most;
        }
        j->ends[p] = (ends){least, most};
    }
    return PC_OK;
}

/* ---- the baseline ---- */

/* The root of the product, which a correlation is divided by; NaN without a correlation. */
static double root_of(int64_t one, int64_t other)
{
    return one > 0 && other > 0 ? sqrt((double)one * (double)other) : NAN;
}

/* Order of the groups by value, highest first; by number where equal. */
static void sort_groups(int64_t n, const double *value, int32_t *order)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t j = i;
        for (; j > 0 && value[order[j - 1]] < value[i]; j--) order[j] = order[j - 1];
        order[j] = (int32_t)i;
    }
}

/* Bytes of a row of bits for each group, and of one behind the last. */
static size_t rows_size(int64_t n_groups)
{
    return (size_t)((n_groups + 1) * pc_af_row_words(n_groups)) * sizeof(uint64_t);
}

static void find_lower(int64_t n, const pc_af_reference *reference)
{
    const int64_t n_words = pc_af_row_words(n);
    memset(reference->lower, 0, rows_size(n));
    for (int64_t g = 0; g < n; g++)
        for (int64_t k = 0; k < n; k++)
            if (reference->level[k] > reference->level[g])
                reference->lower[g * n_words + k / 64] |= (uint64_t)1 << k % 64;
}

static void rank_reference(int64_t n, const double *value, pc_af_reference *reference)
{
    const int64_t n_all = n * (n - 1) / 2;
    int64_t n_equal = 0, cubes = 0;
    int32_t level = 0;
    sort_groups(n, value, reference->order);
    for (int64_t first = 0, end; first < n; first = end, level++) {
        end = first + 1;
        while (end < n && !(value[reference->order[end - 1]] - value[reference->order[end]] >
                            PC_AF_SAME))
            end++;
        const int64_t length = end - first;
        n_equal += length * (length - 1) / 2;
        cubes += length * length * length - length;
        for (int64_t i = first; i < end; i++) {
            const int32_t g = reference->order[i];
            reference->level[g] = level;
            reference->rank[g] = (int16_t)(first + end + 1);
        }
    }
    find_lower(n, reference);
    reference->n_pairs = n_all - n_equal;
    reference->spread = (n * (n * n - 1) - cubes) / 3;
    reference->pairs_root = root_of(n_all, reference->n_pairs);
    reference->spread_root = root_of(n * (n * n - 1) / 3, reference->spread);
    for (int64_t i = 0; i < n; i++) reference->place[reference->order[i]] = (int32_t)i;
}

static pc_status rank_baseline(job *j)
{
    enum { ARRAYS = 3 };
    const int64_t n = j->board->n_groups, n_measures = j->board->n_measures;
    const int64_t n_words = (n + 1) * pc_af_row_words(n);
    j->reference_places =
        pc_alloc(&j->ctx->memory, ARRAYS * n * n_measures, sizeof *j->reference_places);
    j->reference_ranks = pc_alloc(&j->ctx->memory, n * n_measures, sizeof *j->reference_ranks);
    j->reference_bits = pc_alloc_zeroed(&j->ctx->memory, (n_measures + 1) * n_words,
                                        sizeof *j->reference_bits);
    if (j->reference_places == NULL || j->reference_ranks == NULL || j->reference_bits == NULL)
        return pc_context_fail(j->ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for the baseline");
    for (int64_t g = 0; g < n; g++)
        j->reference_bits[g * pc_af_row_words(n) + g / 64] = (uint64_t)1 << g % 64;
    for (int64_t m = 0; m < n_measures; m++) {
        int32_t *places = j->reference_places + m * ARRAYS * n;
        pc_af_reference *reference = &j->reference[m];
        *reference = (pc_af_reference){.order = places,
                                       .place = places + n,
                                       .level = places + 2 * n,
                                       .rank = j->reference_ranks + m * n,
                                       .lower = j->reference_bits + (m + 1) * n_words,
                                       .own = j->reference_bits};
        rank_reference(n, j->board->baseline + m * n, reference);
        for (int64_t g = 0; g < n; g++) {
            j->result->rank[m * n + g] = reference->rank[g] / 2.0;
            j->result->level[m * n + g] = reference->level[g];
        }
    }
    return PC_OK;
}

/* ---- lanes ---- */

/* Parts of a measure's memory: sums, values and results; keys, groups, the order and ties; ranks. */
static int64_t n_numbers(int64_t n_groups, int64_t n_slots)
{
    return 2 * n_groups + 3 * n_slots * n_groups;
}

static int64_t n_places(int64_t n_groups)
{
    return 4 * n_groups + PC_AF_ROWS * PC_AF_COLUMNS;
}

static int64_t n_ranks(int64_t n_groups, int64_t n_slots)
{
    return n_groups + 1 + 2 * n_slots * n_groups;
}

static void fill(int64_t n, double *number, double value)
{
    for (int64_t i = 0; i < n; i++) number[i] = value;
}

/* Hand out the lane's memory to a measure. */
static void start_measure(const job *j, int64_t m, lane *own)
{
    const int64_t n = j->board->n_groups, n_all = j->n_slots * n;
    const int64_t n_bits = (n + 1) * pc_af_row_words(n);
    double *numbers = own->numbers + m * n_numbers(n, j->n_slots);
    int32_t *places = own->places + m * n_places(n);
    int16_t *ranks = own->ranks + m * n_ranks(n, j->n_slots);
    tracked *t = &own->of[m];
    t->order = (pc_af_order){.reference = &j->reference[m],
                             .sum = numbers,
                             .value = numbers + n,
                             .at = places,
                             .key = places + PC_AF_ROWS * PC_AF_COLUMNS,
                             .group = places + PC_AF_ROWS * PC_AF_COLUMNS + n,
                             .tied = (pc_af_places *)(places + PC_AF_ROWS * PC_AF_COLUMNS + 2 * n),
                             .rank = ranks,
                             .open = own->bits + 2 * m * n_bits};
    t->sometime = t->order.open + n_bits;
    t->rank_least = ranks + n + 1;
    t->rank_most = t->rank_least + n_all;
    t->rank_total = numbers + 2 * n;
    t->value_least = t->rank_total + n_all;
    t->value_most = t->value_least + n_all;
    for (int64_t i = 0; i < n_all; i++) t->rank_least[i] = INT16_MAX;
    memset(t->rank_most, 0, (size_t)n_all * sizeof *t->rank_most);
    fill(n_all, t->rank_total, 0.0);
    fill(n_all, t->value_least, INFINITY);
    fill(n_all, t->value_most, -INFINITY);
    t->turned = own->counts + m * n * n;
}

static pc_status start_lane(const job *j, lane *own)
{
    const int64_t n = j->board->n_groups, n_measures = j->board->n_measures;
    pc_memory *memory = &j->ctx->memory;
    own->scored = pc_alloc(memory, j->board->n_profiles, sizeof *own->scored);
    own->scratch = pc_alloc(memory, j->board->n_profiles, sizeof *own->scratch);
    own->numbers = pc_alloc(memory, n_measures * n_numbers(n, j->n_slots), sizeof *own->numbers);
    own->places = pc_alloc(memory, n_measures * n_places(n), sizeof *own->places);
    own->ranks = pc_alloc(memory, n_measures * n_ranks(n, j->n_slots), sizeof *own->ranks);
    own->bits = pc_alloc_zeroed(memory, 2 * n_measures * (n + 1) * pc_af_row_words(n), sizeof *own->bits);
    own->counts = pc_alloc_zeroed(memory, n_measures * n * n, sizeof *own->counts);
    if (own->scored == NULL || own->scratch == NULL || own->numbers == NULL ||
        own->places == NULL || own->ranks == NULL || own->bits == NULL || own->counts == NULL)
        return pc_context_fail(j->ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for the rankings");
    for (int64_t m = 0; m < n_measures; m++) start_measure(j, m, own);
    return PC_OK;
}

static void free_lane(pc_memory *memory, lane *own)
{
    pc_free(memory, own->scored);
    pc_free(memory, own->scratch);
    pc_free(memory, own->numbers);
    pc_free(memory, own->places);
    pc_free(memory, own->ranks);
    pc_free(memory, own->bits);
    pc_free(memory, own->counts);
}

/* ---- profiles by score ---- */

/* One pass of a radix sort that keeps the order of equal digits, highest first. */
static void sort_digit(int64_t n, const scored *from, scored *to, int shift)
{
    int64_t start[DIGITS] = {0}, before = 0;
    for (int64_t i = 0; i < n; i++) start[from[i].score >> shift & (DIGITS - 1)]++;
    for (int64_t d = DIGITS - 1; d >= 0; d--) {
        const int64_t count = start[d];
        start[d] = before;
        before += count;
    }
    for (int64_t i = 0; i < n; i++) to[start[from[i].score >> shift & (DIGITS - 1)]++] = from[i];
}

/* The lane's own copy of the scores of a weighting, highest first. */
static pc_status sort_profiles(const job *j, int64_t w, lane *own, pc_error *err)
{
    const int64_t n = j->board->n_profiles;
    const int64_t *score = j->weightings->score + w * n;
    const double *value = j->weightings->value + w * n;
    uint64_t bits = 0;
    for (int64_t p = 0; p < n; p++) {
        const int64_t its = score[p];
        if (its < 0)
            return pc_fail(err, PC_ERR_VALUE, "score", -1, w * n + p, "is negative");
        if (!(value[p] >= 0.0 && value[p] <= 1.0))
            return pc_fail(err, PC_ERR_VALUE, "value", -1, w * n + p, "is not between 0 and 1");
        own->scored[p] = (scored){(uint64_t)its, p};
        bits |= (uint64_t)its;
    }
    for (int shift = 0; shift < 64 && bits >> shift != 0; shift += DIGIT_BITS) {
        scored *sorted = own->scratch;
        sort_digit(n, own->scored, sorted, shift);
        own->scratch = own->scored;
        own->scored = sorted;
    }
    return PC_OK;
}

/* ---- one ranking ---- */

/* What ties do to the counts of pairs. */
typedef struct tie_terms {
    int64_t n_pairs; /* tied here */
    int64_t n_both;  /* tied in the reference too */
    int64_t cubes;
} tie_terms;

static void add_chain(int64_t n, const pc_af_order *o, pc_af_places chain, tie_terms *terms)
{
    const int64_t length = chain.last - chain.first + 1;
    terms->n_pairs += length * (length - 1) / 2;
    terms->cubes += length * length * length - length;
    int64_t run = 0; /* so many before stand on the same level of the reference */
    for (int64_t i = chain.first + 1; i <= chain.last; i++) {
        const int32_t *level = o->reference->level;
        const bool is_same = level[pc_af_group_at(n, o, i - 1)] == level[pc_af_group_at(n, o, i)];
        run = is_same ? run + 1 : 0;
        terms->n_both += run;
    }
}

/* Ranks are doubled, their sum is n (n + 1); product is that of both rankings. */
static statistics compare_orders(int64_t n, const pc_af_order *o, int64_t product)
{
    const pc_af_reference *reference = o->reference;
    tie_terms ties = {0, 0, 0};
    for (int64_t t = 0; t < o->n_tied; t++) add_chain(n, o, o->tied[t], &ties);
    const int64_t n_all = n * (n - 1) / 2, differ = n_all - ties.n_pairs;
    const int64_t with = differ + reference->n_pairs - n_all + ties.n_both - o->against;
    const int64_t covariance = product - n * (n + 1) * (n + 1);
    const int64_t spread = (n * (n * n - 1) - ties.cubes) / 3;
    const double n_compared = (double)reference->n_pairs;
    const bool is_tied = o->n_tied > 0;
    const double spread_root = is_tied ? root_of(spread, reference->spread) : reference->spread_root;
    const double pairs_root = is_tied ? root_of(differ, reference->n_pairs) : reference->pairs_root;
    return (statistics){{
        [PC_AF_SPEARMAN] = (double)covariance / spread_root,
        [PC_AF_KENDALL] = (double)(with - o->against) / pairs_root,
        [PC_AF_HOLDS] = n_compared > 0 ? 1.0 - (double)o->against / n_compared : NAN,
    }};
}

static void note_values(int64_t n, const double *sum, double *least, double *most)
{
    for (int64_t g = 0; g < n; g++) {
        if (sum[g] < least[g]) least[g] = sum[g];
        if (sum[g] > most[g]) most[g] = sum[g];
    }
}

/* Rank the groups when a row is added; at is where the slot's ranks are. */
static void rank_with(const job *j, const pc_af_row *row, tracked *t, int64_t at, bool always)
{
    const int64_t n = j->board->n_groups;
    if (!j->kernels->settle(n, row, &t->order, always)) return;
    const int64_t product =
        j->kernels->note_ranks(n, &t->order, t->rank_least + at, t->rank_most + at);
    t->latest = compare_orders(n, &t->order, product);
}

/* ---- one weighting ---- */

/* The order is the baseline's. */
static void restart(const job *j, tracked *t)
{
    const int64_t n = j->board->n_groups;
    fill(n, t->order.sum, 0.0);
    j->kernels->start(n, t->order.reference->order, &t->order);
    memcpy(t->order.open, t->order.reference->lower, rows_size(n));
    t->order.n_tied = 0;
    t->order.least = t->order.most = 0.0;
}

/* Add the comparisons that turned round at a slot to those of the weighting and of all, and forget
 * them. */
static void note_turned(int64_t n_bits, tracked *t, _Atomic uint64_t *ever)
{
    const uint64_t *lower = t->order.reference->lower;
    for (int64_t k = 0; k < n_bits; k++) {
        const uint64_t bits = lower[k] & ~t->order.open[k];
        t->order.open[k] = lower[k];
        t->sometime[k] |= bits;
        if ((bits & ~atomic_load_explicit(&ever[k], memory_order_relaxed)) != 0)
            atomic_fetch_or_explicit(&ever[k], bits, memory_order_relaxed);
    }
}

/* Count the comparisons that turned round under a weighting, and forget them. */
static void count_turned(const pc_af_kernels *kernels, int64_t n, tracked *t)
{
    const int64_t n_words = pc_af_row_words(n);
    for (int64_t g = 0; g < n; g++)
        kernels->add_bits(n, t->sometime + g * n_words, t->turned + g * n);
    memset(t->sometime, 0, (size_t)(n * n_words) * sizeof *t->sometime);
}

static void add_statistics(const statistics *latest, double *least, double *total, int64_t *n)
{
    for (int64_t s = 0; s < PC_AF_N_STATISTICS; s++) {
        const double value = latest->value[s];
        if (isnan(value)) continue;
        if (value < least[s]) least[s] = value;
        total[s] += value;
        n[s]++;
    }
}

static void start_range(pc_af_range range, int64_t n)
{
    fill(n, range.least, INFINITY);
    fill(n, range.total, 0.0);
    memset(range.n, 0, (size_t)n * sizeof *range.n);
}

static pc_af_range part_of(pc_af_range range, int64_t at)
{
    return (pc_af_range){range.least + at, range.total + at, range.n + at};
}

/* One profile's row. */
static pc_af_row row_of(const job *j, const lane *own, int64_t m, const double *value, int64_t i)
{
    const int64_t p = own->scored[i].profile, last = j->board->n_profiles - 1;
    const int64_t soon = own->scored[i + AHEAD < last ? i + AHEAD : last].profile;
    return (pc_af_row){.share = j->board->share + p * j->board->n_groups,
                       .factor = j->board->measure[m] == PC_AF_M0 ? value[p] : 1.0,
                       .least = j->ends[p].least,
                       .most = j->ends[p].most,
                       .ahead = j->board->share + soon * j->board->n_groups};
}

/* Add the profiles from i on that reach a score, but for the last, which is left to rank with; without any
 * it is a row that adds nothing. False when the work must stop. */
static bool add_profiles(const job *j, pc_worker *worker, lane *own, int64_t m, const double *value,
                         uint64_t least, int64_t *i, pc_af_row *last)
{
    const int64_t n_profiles = j->board->n_profiles;
    pc_af_order *o = &own->of[m].order;
    const double *any = j->board->baseline; /* times 0 */
    *last = (pc_af_row){.share = any, .factor = 0.0, .ahead = any};
    for (; *i < n_profiles && own->scored[*i].score >= least; ++*i) {
        if (*i % POLL_PROFILES == 0 && pc_worker_stopped(worker)) return false;
        if (last->share != any) {
            j->kernels->add(j->board->n_groups, last, o->sum);
            o->least += last->least * last->factor;
            o->most += last->most * last->factor;
        }
        *last = row_of(j, own, m, value, *i);
    }
    return true;
}

static void note_slot(const job *j, lane *own, int64_t m, int64_t slot)
{
    const int64_t n = j->board->n_groups, at = slot * n;
    const int64_t n_bits = pc_af_ever_words(n);
    tracked *t = &own->of[m];
    note_turned(n_bits, t, j->ever + (m * j->n_slots + slot) * n_bits);
    note_values(n, t->order.sum, t->value_least + at, t->value_most + at);
}

/* Every score above 0 is a cut-off. */
static bool rank_at_all_scores(const job *j, pc_worker *worker, lane *own, int64_t w, int64_t m)
{
    const int64_t n = j->board->n_groups, n_profiles = j->board->n_profiles;
    const double *value = j->weightings->value + w * n_profiles;
    const pc_af_range range = part_of(j->result->of_weighting,
                                      (w * j->board->n_measures + m) * PC_AF_N_STATISTICS);
    tracked *t = &own->of[m];
    int64_t i = 0;
    while (i < n_profiles && own->scored[i].score > 0) {
        const bool is_first = i == 0;
        const uint64_t least = own->scored[i].score;
        pc_af_row last;
        if (!add_profiles(j, worker, own, m, value, least, &i, &last)) return false;
        rank_with(j, &last, t, 0, is_first);
        if (is_first) note_values(n, t->order.sum, t->value_least, t->value_most);
        add_statistics(&t->latest, range.least, range.total, range.n);
    }
    if (i > 0) note_slot(j, own, m, 0);
    return true;
}

static bool rank_at_cutoffs(const job *j, pc_worker *worker, lane *own, int64_t w, int64_t m)
{
    const int64_t n = j->board->n_groups, row = w * j->board->n_measures + m;
    const int64_t *cutoff = j->weightings->cutoff + w * j->n_slots;
    const double *value = j->weightings->value + w * j->board->n_profiles;
    const pc_af_range range = part_of(j->result->of_weighting, row * PC_AF_N_STATISTICS);
    tracked *t = &own->of[m];
    int64_t i = 0;
    for (int64_t slot = 0; slot < j->n_slots; slot++) {
        const uint64_t least = cutoff[slot] > 0 ? (uint64_t)cutoff[slot] : 0;
        pc_af_row last;
        if (!add_profiles(j, worker, own, m, value, least, &i, &last) || pc_worker_stopped(worker))
            return false;
        rank_with(j, &last, t, slot * n, true);
        for (int64_t g = 0; g < n; g++) t->rank_total[slot * n + g] += t->order.rank[g] / 2.0;
        note_slot(j, own, m, slot);
        add_statistics(&t->latest, range.least, range.total, range.n);
        j->by_slot[row * j->n_slots + slot] = t->latest;
    }
    return true;
}

static pc_status rank_weighting(const job *j, pc_worker *worker, lane *own, int64_t w,
                                pc_error *err)
{
    const int64_t n = j->board->n_groups, n_measures = j->board->n_measures;
    const pc_status status = sort_profiles(j, w, own, err);
    if (status != PC_OK) return status;
    start_range(part_of(j->result->of_weighting, w * n_measures * PC_AF_N_STATISTICS),
                n_measures * PC_AF_N_STATISTICS);
    for (int64_t m = 0; m < n_measures; m++) {
        restart(j, &own->of[m]);
        const bool done = j->weightings->n_cutoffs == 0 ? rank_at_all_scores(j, worker, own, w, m)
                                                         : rank_at_cutoffs(j, worker, own, w, m);
        if (!done) break;
        count_turned(j->kernels, n, &own->of[m]);
    }
    return PC_OK;
}

static pc_status run_lane(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    job *j = arg;
    while (!pc_worker_stopped(worker)) {
        const int64_t w = atomic_fetch_add(&j->next, 1);
        if (w >= j->weightings->n) break;
        const pc_status status = rank_weighting(j, worker, &j->lanes[task], w, err);
        if (status != PC_OK) return status;
    }
    return PC_OK;
}

/* ---- the result ---- */

static void merge_least(int64_t n, double *to, const double *from)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i] < to[i] ? from[i] : to[i];
}

static void merge_most(int64_t n, double *to, const double *from)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i] > to[i] ? from[i] : to[i];
}

static void merge_measure(const job *j, const tracked *t, int64_t m)
{
    const pc_af_result *r = j->result;
    const int64_t n = j->board->n_groups, n_all = j->n_slots * n, at = m * n_all;
    merge_least(n_all, r->value_least + at, t->value_least);
    merge_most(n_all, r->value_most + at, t->value_most);
    for (int64_t i = 0; i < n_all; i++) {
        if (t->rank_most[i] == 0) continue;
        const double least = t->rank_least[i] / 2.0, most = t->rank_most[i] / 2.0;
        if (least < r->rank_least[at + i]) r->rank_least[at + i] = least;
        if (most > r->rank_most[at + i]) r->rank_most[at + i] = most;
        r->rank_total[at + i] += t->rank_total[i];
    }
    for (int64_t i = 0; i < n * n; i++) r->turned[m * n * n + i] += t->turned[i];
}

static void merge_lanes(const job *j)
{
    const pc_af_result *r = j->result;
    const int64_t n = j->board->n_groups, n_measures = j->board->n_measures;
    const int64_t n_all = n_measures * j->n_slots * n;
    fill(n_all, r->rank_least, INFINITY);
    fill(n_all, r->rank_most, -INFINITY);
    fill(n_all, r->rank_total, 0.0);
    fill(n_all, r->value_least, INFINITY);
    fill(n_all, r->value_most, -INFINITY);
    memset(r->turned, 0, (size_t)(n_measures * n * n) * sizeof *r->turned);
    for (int64_t l = 0; l < j->n_lanes; l++)
        for (int64_t m = 0; m < n_measures; m++) merge_measure(j, &j->lanes[l].of[m], m);
    const int64_t n_words = n_measures * j->n_slots * pc_af_ever_words(n);
    for (int64_t i = 0; i < n_words; i++)
        r->ever[i] = atomic_load_explicit(&j->ever[i], memory_order_relaxed);
}

/* Statistics by slot, in the order of the weightings. */
static void add_slots(const job *j)
{
    const int64_t n_measures = j->board->n_measures;
    start_range(j->result->of_slot, n_measures * j->n_slots * PC_AF_N_STATISTICS);
    for (int64_t w = 0; w < j->weightings->n; w++) {
        for (int64_t k = 0; k < n_measures * j->n_slots; k++) {
            const pc_af_range to = part_of(j->result->of_slot, k * PC_AF_N_STATISTICS);
            if (j->by_slot != NULL) {
                add_statistics(&j->by_slot[w * n_measures * j->n_slots + k], to.least, to.total,
                               to.n);
                continue;
            }
            const pc_af_range from =
                part_of(j->result->of_weighting, (w * n_measures + k) * PC_AF_N_STATISTICS);
            merge_least(PC_AF_N_STATISTICS, to.least, from.least);
            for (int64_t s = 0; s < PC_AF_N_STATISTICS; s++) {
                to.total[s] += from.total[s];
                to.n[s] += from.n[s];
            }
        }
    }
}

/* ---- the job ---- */

static pc_status start_job(job *j)
{
    const int64_t n_measures = j->board->n_measures;
    const int64_t n_words = pc_af_ever_words(j->board->n_groups);
    pc_memory *memory = &j->ctx->memory;
    pc_status status = rank_baseline(j);
    if (status != PC_OK) return status;
    j->ends = pc_alloc(memory, j->board->n_profiles, sizeof *j->ends);
    if (j->ends == NULL)
        return pc_context_fail(j->ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for the profiles");
    status = find_extremes(j);
    if (status != PC_OK) return status;
    j->ever = pc_alloc_zeroed(memory, n_measures * j->n_slots * n_words, sizeof *j->ever);
    j->lanes = pc_alloc_zeroed(memory, j->n_lanes, sizeof *j->lanes);
    if (j->ever == NULL || j->lanes == NULL)
        return pc_context_fail(j->ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for the rankings");
    if (j->weightings->n_cutoffs > 0) {
        j->by_slot = pc_alloc(memory, j->weightings->n * n_measures * j->n_slots,
                              sizeof *j->by_slot);
        if (j->by_slot == NULL)
            return pc_context_fail(j->ctx, PC_ERR_MEMORY, "", -1, -1,
                                   "no memory for the statistics of all cut-offs");
    }
    for (int64_t l = 0; status == PC_OK && l < j->n_lanes; l++)
        status = start_lane(j, &j->lanes[l]);
    return status;
}

static int64_t lanes_for(const pc_context *ctx, const pc_af_board *board,
                         const pc_af_weightings *weightings)
{
    const int64_t n_threads = ctx->n_threads < 1 ? 1 : ctx->n_threads;
    const double work = (double)weightings->n * (double)board->n_profiles * (double)board->n_groups;
    if (work < SERIAL_BELOW) return 1;
    return weightings->n < n_threads ? weightings->n : n_threads;
}

pc_status pc_af_rank(pc_context *ctx, const pc_af_board *board,
                     const pc_af_weightings *weightings, const pc_af_result *result)
{
    pc_status status = check_inputs(ctx, board, weightings);
    if (status != PC_OK) return status;
    job j = {.ctx = ctx,
             .board = board,
             .weightings = weightings,
             .result = result,
             .kernels = pc_af_kernels_for(ctx->simd),
             .n_slots = pc_af_n_slots(weightings),
             .n_lanes = lanes_for(ctx, board, weightings)};
    atomic_init(&j.next, 0);
    status = start_job(&j);
    if (status == PC_OK)
        status = pc_parallel_run(ctx, (int)j.n_lanes, j.n_lanes, run_lane, &j);
    if (status == PC_OK) {
        merge_lanes(&j);
        add_slots(&j);
    }
    for (int64_t l = 0; j.lanes != NULL && l < j.n_lanes; l++)
        free_lane(&ctx->memory, &j.lanes[l]);
    pc_free(&ctx->memory, j.lanes);
    pc_free(&ctx->memory, (void *)j.ever);
    pc_free(&ctx->memory, j.by_slot);
    pc_free(&ctx->memory, j.ends);
    pc_free(&ctx->memory, j.reference_places);
    pc_free(&ctx->memory, j.reference_ranks);
    pc_free(&ctx->memory, j.reference_bits);
    return status;
}
