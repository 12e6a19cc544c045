/* Poverty scores and their totals against a literal oracle in long double; threads, builds, errors. */
#include "pc_fgt.h"
#include "pc_made.h"
#include "pc_test.h"
#include "pc_total.h"

#include <math.h>
#include <stdlib.h>

enum { LINES = 2, MOST_SCORES = 40 };

/* Rows of a few groups, two lines; incomes of every kind. */
typedef struct sample {
    int64_t n;
    int32_t *group;
    double *welfare, *line[LINES], *weight;
    uint8_t *where;
    pc_made made[6];
    const pc_column *key, *lines[LINES];
    pc_fgt_score score[MOST_SCORES];
    pc_fgt fgt;
    pc_scores scores;
    pc_rows rows;
} sample;

static void *take(int64_t n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);
    if (block == NULL) abort();
    return block;
}

/* Every kind of score at both lines, the rare ones last. */
static int64_t list_scores(pc_fgt_score *score)
{
    static const pc_fgt_score common[] = {
        {.kind = PC_FGT_POWER, .parameter = 0},
        {.kind = PC_FGT_POWER, .parameter = 1},
        {.kind = PC_FGT_POWER, .parameter = 2},
        {.kind = PC_FGT_POWER, .parameter = 0, .is_count = true},
        {.kind = PC_FGT_POWER, .parameter = 1, .is_squared = true},
        {.kind = PC_FGT_POWER, .parameter = 0.5},
        {.kind = PC_FGT_WATTS, .undefined = PC_FGT_ZERO},
        {.kind = PC_FGT_WATTS, .undefined = PC_FGT_FLOOR, .floor = 0.5, .is_squared = true},
        {.kind = PC_FGT_CHU, .parameter = 0.25, .undefined = PC_FGT_ZERO},
        {.kind = PC_FGT_SHORTFALL},
        {.kind = PC_FGT_SHORTFALL, .is_squared = true},
        {.kind = PC_FGT_BELOW, .parameter = 0.75, .is_count = true},
    };
    static const pc_fgt_score rare[] = {
        {.kind = PC_FGT_MISSING},
        {.kind = PC_FGT_MISSING, .is_count = true},
        {.kind = PC_FGT_NOT_POSITIVE},
        {.kind = PC_FGT_NEGATIVE, .is_count = true},
    };
    int64_t n = 0;
    for (int64_t l = 0; l < LINES; l++)
        for (size_t k = 0; k < sizeof common / sizeof *common; k++) {
            score[n] = common[k];
            score[n++].line = l;
        }
    for (int64_t l = 0; l < LINES; l++)
        for (size_t k = 0; k < sizeof rare / sizeof *rare; k++) {
            score[n] = rare[k];
            score[n++].line = l;
        }
    return n;
}

/* Of odd samples one income in ten is missing, negative, zero or at the line, as is a line. */
static void make_sample(sample *s, int64_t n, int64_t n_groups, bool is_odd, uint64_t seed)
{
    pc_draws draws = {seed};
    memset(s, 0, sizeof *s);
    s->n = n;
    s->group = take(n, sizeof *s->group);
    s->welfare = take(n, sizeof *s->welfare);
    s->weight = take(n, sizeof *s->weight);
    s->where = take(n, 1);
    for (int l = 0; l < LINES; l++) s->line[l] = take(n, sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        s->group[i] = (int32_t)pc_draw_below(&draws, n_groups);
        s->welfare[i] = 4 * pc_draw_unit(&draws) + 0x1p-40;
        s->weight[i] = pc_draw_unit(&draws);
        s->where[i] = pc_draw_below(&draws, 3) > 0;
        s->line[0][i] = 1 + pc_draw_unit(&draws);
        s->line[1][i] = 2;
        const int64_t kind = is_odd ? pc_draw_below(&draws, 50) : 50;
        if (kind == 0) s->welfare[i] = NAN;
        if (kind == 1) s->welfare[i] = -s->welfare[i];
        if (kind == 2) s->welfare[i] = i % 2 ? 0.0 : -0.0;
        if (kind == 3) s->welfare[i] = s->line[i % 2][i];
        if (kind == 4) s->line[i % 2][i] = NAN;
    }
    s->key = pc_make_array(&s->made[0], PC_INT32, s->group, n);
    for (int l = 0; l < LINES; l++)
        s->lines[l] = pc_make_array(&s->made[1 + l], PC_FLOAT64, s->line[l], n);
    s->fgt = (pc_fgt){.welfare = pc_make_array(&s->made[3], PC_FLOAT64, s->welfare, n),
                      .n_lines = LINES,
                      .lines = s->lines,
                      .n_scores = list_scores(s->score),
                      .scores = s->score};
    s->scores = pc_fgt_scores(&s->fgt);
    s->rows = (pc_rows){.n = n, .n_keys = 1, .keys = &s->key, .made = &s->scores};
    s->rows.weight = pc_make_array(&s->made[4], PC_FLOAT64, s->weight, n);
}

static void free_sample(sample *s)
{
    free(s->group);
    free(s->welfare);
    free(s->weight);
    free(s->where);
    for (int l = 0; l < LINES; l++) free(s->line[l]);
}

/* Sums by group of a finished state, groups by their key. */
typedef struct table {
    int64_t n_groups;
    int64_t *n, *key;
    double *weight, *sum;
} table;

static void free_table(table *t)
{
    free(t->n);
    free(t->key);
    free(t->weight);
    free(t->sum);
}

static void read_table(const pc_total *total, int64_t n_sums, table *t)
{
    const int64_t g = t->n_groups = pc_total_n_groups(total);
    uint8_t *missing = take(g, 1);
    int64_t *score_n = take(g * n_sums, 8);
    double *score_weight = take(g * n_sums, 8);
    t->n = take(g, 8);
    t->key = take(g, 8);
    t->weight = take(g, 8);
    t->sum = take(g * n_sums, 8);
    const pc_total_result result = {t->n, t->weight, score_n, score_weight, t->sum};
    pc_total_read(total, &result);
    pc_total_read_key(total, 0, t->key, missing);
    free(missing);
    free(score_n);
    free(score_weight);
}

static pc_status totals(pc_context *ctx, const pc_rows *rows, table *t)
{
    const pc_total_plan plan = pc_total_plan_for(rows, false);
    pc_total *total = pc_total_new(ctx, &plan);
    pc_status status = total == NULL ? PC_ERR_MEMORY : pc_total_update(ctx, total, rows);
    if (status == PC_OK) status = pc_total_finish(ctx, total);
    if (status == PC_OK && t != NULL) read_table(total, pc_total_n_sums(&plan), t);
    pc_total_free(ctx, total);
    return status;
}

static void start(pc_context *ctx, int n_threads, pc_simd simd)
{
    pc_context_init(ctx);
    ctx->n_threads = n_threads;
    ctx->simd = simd;
}

/* ---- the oracle: one row ---- */

static long double oracle_of_poor(const pc_fgt_score *s, long double y, long double z, bool at_line)
{
    const bool is_poor = at_line ? y <= z : y < z;
    const bool is_undefined = s->kind == PC_FGT_WATTS ? y <= 0 : y < 0;
    switch (s->kind) {
    case PC_FGT_POWER:
        if (!is_poor) return 0;
        return s->parameter == 0 ? 1 : powl((z - y) / z, (long double)s->parameter);
    case PC_FGT_SHORTFALL: return is_poor ? z - y : 0;
    case PC_FGT_WATTS: return is_undefined || y >= z ? 0 : logl(z / y);
    case PC_FGT_CHU:
        return is_undefined || y >= z
                   ? 0
                   : (1 - powl(y / z, (long double)s->parameter)) / (long double)s->parameter;
    case PC_FGT_BELOW: return y < (long double)s->parameter;
    case PC_FGT_NOT_POSITIVE: return y <= 0;
    case PC_FGT_NEGATIVE: return y < 0;
    default: return 0;
    }
}

static long double oracle(const sample *s, const pc_fgt_score *score, int64_t i)
{
    long double y = s->welfare[i];
    const long double z = s->line[score->line][i];
    const long double u = score->is_count ? 1 : s->weight[i];
    if (isnan(y) || isnan(z)) return score->kind == PC_FGT_MISSING ? u : 0;
    if (score->undefined == PC_FGT_FLOOR && y < (long double)score->floor) y = score->floor;
    const long double value = oracle_of_poor(score, y, z, s->fgt.poor == PC_POOR_AT_OR_BELOW);
    return u * (score->is_squared ? value * value : value);
}

static void check_scores(sample *s, const pc_fgt_score *score, pc_simd simd)
{
    table t;
    pc_context ctx;
    start(&ctx, 2, simd);
    if (!EXPECT(totals(&ctx, &s->rows, &t) == PC_OK)) return;
    for (int64_t g = 0; g < t.n_groups; g++)
        for (int64_t k = 0; k < s->fgt.n_scores; k++) {
            long double expected = 0;
            for (int64_t i = 0; i < s->n; i++) {
                const bool is_inside = s->rows.where == NULL || s->where[i];
                if (s->group[i] == t.key[g] && is_inside) expected += oracle(s, &score[k], i);
            }
            const double found = t.sum[k * t.n_groups + g];
            if (!EXPECT(fabsl((long double)found - expected) <= 1e-13L * expected))
                printf("  group %lld, score %lld: %.17g, not %.17Lg\n", (long long)g, (long long)k,
                       found, expected);
        }
    free_table(&t);
}

static void check_against_oracle(sample *s, pc_simd simd)
{
    check_scores(s, s->score, simd);
}

/* ---- worked example ---- */

/* Line 2: incomes 1/2, 1, 2, weights 1, 2, 1: gaps 3/4, 1/2 twice, 0; and one row without an income. */
static void four_rows_on_paper(void)
{
    static const double welfare[] = {0.5, 1, 2, NAN}, weight[] = {1, 2, 1, 5}, two = 2;
    static const pc_fgt_score score[] = {{.kind = PC_FGT_POWER, .parameter = 0},
                                         {.kind = PC_FGT_POWER, .parameter = 1},
                                         {.kind = PC_FGT_POWER, .parameter = 2},
                                         {.kind = PC_FGT_SHORTFALL},
                                         {.kind = PC_FGT_MISSING}};
    pc_made made[3];
    const pc_column *line = pc_make(&made[0], PC_FLOAT64, &two, 0, 4);
    pc_fgt fgt = {.welfare = pc_make_array(&made[1], PC_FLOAT64, welfare, 4)};
    fgt.n_lines = 1;
    fgt.lines = &line;
    fgt.n_scores = 5;
    fgt.scores = score;
    const pc_scores scores = pc_fgt_scores(&fgt);
    pc_rows rows = {.n = 4, .made = &scores};
    rows.weight = pc_make_array(&made[2], PC_FLOAT64, weight, 4);
    for (int rule = 0; rule < 2; rule++) {
        pc_context ctx;
        table t;
        start(&ctx, 1, pc_cpu_simd());
        fgt.poor = rule == 0 ? PC_POOR_BELOW : PC_POOR_AT_OR_BELOW;
        const pc_total_plan plan = pc_total_plan_for(&rows, false);
        pc_total *total = pc_total_new(&ctx, &plan);
        if (EXPECT(total != NULL && pc_total_update(&ctx, total, &rows) == PC_OK) &&
            EXPECT(pc_total_finish(&ctx, total) == PC_OK)) {
            t.n_groups = 1;
            t.sum = take(5, 8);
            int64_t n;
            double u;
            const pc_total_result result = {&n, &u, NULL, NULL, t.sum};
            pc_total_read(total, &result);
            EXPECT(n == 4 && u == 9);
            EXPECT(t.sum[0] == (rule == 0 ? 3 : 4) && t.sum[1] == 1.75 && t.sum[2] == 1.0625);
            EXPECT(t.sum[3] == 3.5 && t.sum[4] == 5);
            free(t.sum);
        }
        pc_total_free(&ctx, total);
    }
}

/* ---- oracle ---- */

static void every_score_equals_the_oracle(void)
{
    static const int64_t sizes[] = {1, 3, 127, 129, 5000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int variant = 0; variant < 8; variant++) {
            sample s;
            pc_made where;
            make_sample(&s, sizes[k], 3, variant & 1, 7 + k);
            if (variant & 2) s.fgt.poor = PC_POOR_AT_OR_BELOW;
            if (variant & 4) s.rows.where = pc_make_array(&where, PC_BOOL, s.where, s.n);
            check_against_oracle(&s, pc_cpu_simd());
            check_against_oracle(&s, PC_SIMD_PORTABLE);
            free_sample(&s);
        }
}

/* All at once, and each number of scores alone, so that every width of a record is met. */
static void any_number_of_scores_equals_the_oracle(void)
{
    sample s;
    make_sample(&s, 3000, 2, true, 11);
    const int64_t all = s.fgt.n_scores;
    for (s.fgt.n_scores = 1; s.fgt.n_scores <= all; s.fgt.n_scores++) {
        s.scores = pc_fgt_scores(&s.fgt);
        check_against_oracle(&s, pc_cpu_simd());
    }
    free_sample(&s);
    make_sample(&s, 3000, 2, false, 12);
    s.fgt.n_lines = 1;
    for (s.fgt.n_scores = 1; s.fgt.n_scores <= 12; s.fgt.n_scores++) {
        s.scores = pc_fgt_scores(&s.fgt);
        check_against_oracle(&s, pc_cpu_simd());
    }
    free_sample(&s);
}

/* What is seldom is laid out only where it happens, and must not stay for the rows after. */
static void a_rare_row_adds_to_no_later_block(void)
{
    sample s;
    enum { COMMON = 12, RARE = 4 };
    make_sample(&s, 3000, 2, false, 14);
    s.welfare[5] = NAN;
    s.welfare[600] = -1;
    s.line[0][700] = s.line[1][900] = NAN; /* odd at one line, plain at the other */
    check_against_oracle(&s, pc_cpu_simd());
    memmove(s.score + COMMON, s.score + LINES * COMMON, RARE * sizeof *s.score);
    s.fgt.n_lines = 1; /* rows of one line: its rare scores are not even filled */
    for (int64_t first = 0; first < COMMON; first++) {
        s.fgt.scores = s.score + first;
        s.fgt.n_scores = COMMON + RARE - first;
        s.scores = pc_fgt_scores(&s.fgt);
        check_scores(&s, s.fgt.scores, pc_cpu_simd());
    }
    free_sample(&s);
}

static void scores_beside_flags_and_values_equal_those_alone(void)
{
    sample s;
    pc_made made[2];
    pc_context ctx;
    table alone, beside;
    make_sample(&s, 4000, 3, true, 13);
    start(&ctx, 2, pc_cpu_simd());
    if (!EXPECT(totals(&ctx, &s.rows, &alone) == PC_OK)) return;
    const pc_column *flag = pc_make_array(&made[0], PC_BOOL, s.where, s.n);
    const pc_column *value = pc_make_array(&made[1], PC_FLOAT64, s.weight, s.n);
    s.rows.n_flags = s.rows.n_values = 1;
    s.rows.flags = &flag;
    s.rows.values = &value;
    if (!EXPECT(totals(&ctx, &s.rows, &beside) == PC_OK)) return;
    const int64_t g = alone.n_groups;
    for (int64_t j = 0; j < s.fgt.n_scores * g; j++)
        EXPECT(fabs(beside.sum[2 * g + j] - alone.sum[j]) <= 1e-13 * alone.sum[j]);
    free_table(&alone);
    free_table(&beside);
    free_sample(&s);
}

/* ---- properties ---- */

static void threads_and_builds_give_the_same_bits(void)
{
    static const int threads[] = {1, 2, 7};
    sample s;
    table first;
    make_sample(&s, 2 * PC_RUN + 999, 9, true, 17);
    for (int k = 0; k < 4; k++) {
        pc_context ctx;
        table t;
        start(&ctx, threads[k % 3], k == 3 ? PC_SIMD_PORTABLE : pc_cpu_simd());
        if (!EXPECT(totals(&ctx, &s.rows, &t) == PC_OK)) break;
        const size_t bytes = (size_t)(t.n_groups * s.fgt.n_scores) * sizeof *t.sum;
        if (k > 0) EXPECT(memcmp(t.sum, first.sum, bytes) == 0);
        if (k == 0) first = t;
        else free_table(&t);
    }
    free_table(&first);
    free_sample(&s);
}

static void a_constant_score_does_not_drift(void)
{
    enum { ROWS = 3000000 };
    static const double third = 1.0 / 3, one = 1, tenth = 0.1;
    static const pc_fgt_score score[] = {{.kind = PC_FGT_POWER, .parameter = 1}};
    pc_made made[3];
    const pc_column *line = pc_make(&made[0], PC_FLOAT64, &one, 0, ROWS);
    const pc_fgt fgt = {.welfare = pc_make(&made[1], PC_FLOAT64, &third, 0, ROWS),
                        .n_lines = 1, .lines = &line, .n_scores = 1, .scores = score};
    const pc_scores scores = pc_fgt_scores(&fgt);
    pc_rows rows = {.n = ROWS, .made = &scores};
    rows.weight = pc_make(&made[2], PC_FLOAT64, &tenth, 0, ROWS);
    pc_context ctx;
    start(&ctx, 2, pc_cpu_simd());
    const pc_total_plan plan = pc_total_plan_for(&rows, false);
    pc_total *total = pc_total_new(&ctx, &plan);
    if (EXPECT(pc_total_update(&ctx, total, &rows) == PC_OK) &&
        EXPECT(pc_total_finish(&ctx, total) == PC_OK)) {
        int64_t n;
        double u, sum;
        const pc_total_result result = {&n, &u, NULL, NULL, &sum};
        pc_total_read(total, &result);
        const double expected = ROWS * (0.1 * (1 - third));
        EXPECT(n == ROWS && fabs(sum - expected) <= 1e-13 * expected);
    }
    pc_total_free(&ctx, total);
}

/* ---- errors ---- */

static pc_error error_of(sample *s)
{
    pc_context ctx;
    start(&ctx, 2, pc_cpu_simd());
    EXPECT(totals(&ctx, &s->rows, NULL) != PC_OK);
    return ctx.error;
}

static void the_smallest_bad_row_is_named(void)
{
    static const double bad_lines[] = {0.0, -1.0, INFINITY};
    for (int k = 0; k < 4; k++) {
        sample s;
        make_sample(&s, 3 * PC_RUN, 3, false, 19);
        double *column = k == 3 ? s.welfare : s.line[1];
        column[2 * PC_RUN + 5] = k == 3 ? -INFINITY : bad_lines[k];
        column[PC_RUN + 77] = k == 3 ? INFINITY : bad_lines[k];
        s.rows.where = NULL;
        const pc_error err = error_of(&s);
        EXPECT(err.status == PC_ERR_VALUE && err.index == PC_RUN + 77);
        EXPECT(strcmp(err.argument, k == 3 ? "welfare" : "line") == 0);
        EXPECT(err.which == (k == 3 ? -1 : 1));
        free_sample(&s);
    }
}

static void an_income_without_a_score_is_refused_in_the_domain_only(void)
{
    static const pc_fgt_score refusing[] = {{.kind = PC_FGT_WATTS},
                                            {.kind = PC_FGT_CHU, .parameter = 1}};
    static const double bad[] = {0.0, -1.0};
    for (int k = 0; k < 2; k++) {
        sample s;
        pc_made where;
        pc_context ctx;
        make_sample(&s, 1000, 3, false, 23);
        s.fgt.n_scores = 1;
        s.fgt.scores = &refusing[k];
        s.scores = pc_fgt_scores(&s.fgt);
        s.welfare[300] = bad[k];
        const pc_error err = error_of(&s);
        EXPECT(err.index == 300 && strcmp(err.argument, "welfare") == 0);
        s.rows.where = pc_make_array(&where, PC_BOOL, s.where, s.n);
        s.where[300] = 0;
        start(&ctx, 1, pc_cpu_simd());
        EXPECT(totals(&ctx, &s.rows, NULL) == PC_OK);
        s.where[300] = 1;
        s.line[0][300] = NAN; /* without a line nothing is compared */
        EXPECT(totals(&ctx, &s.rows, NULL) == PC_OK);
        free_sample(&s);
    }
}

static void parameters_outside_their_range_are_refused(void)
{
    static const pc_fgt_score wrong[] = {
        {.kind = PC_FGT_POWER, .parameter = -1},
        {.kind = PC_FGT_POWER, .parameter = INFINITY},
        {.kind = PC_FGT_POWER, .parameter = NAN},
        {.kind = PC_FGT_POWER, .line = 2},
        {.kind = PC_FGT_POWER, .line = -1},
        {.kind = PC_FGT_CHU, .parameter = 0},
        {.kind = PC_FGT_CHU, .parameter = 1.5},
        {.kind = PC_FGT_WATTS, .undefined = PC_FGT_FLOOR, .floor = 0},
        {.kind = PC_FGT_WATTS, .undefined = PC_FGT_FLOOR, .floor = NAN},
        {.kind = PC_FGT_CHU, .parameter = 1, .undefined = PC_FGT_FLOOR, .floor = -1},
        {.kind = PC_FGT_BELOW, .parameter = INFINITY},
        {.kind = PC_FGT_KIND_END},
    };
    sample s;
    make_sample(&s, 10, 1, false, 29);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        s.score[1] = wrong[k];
        const pc_error err = error_of(&s);
        EXPECT(err.status == PC_ERR_VALUE && err.which == 1 && strcmp(err.argument, "score") == 0);
    }
    free_sample(&s);
}

static void columns_of_other_lengths_and_types_are_refused(void)
{
    sample s;
    make_sample(&s, 10, 1, false, 31);
    s.made[2].column.n = 9;
    pc_error err = error_of(&s);
    EXPECT(err.status == PC_ERR_LENGTH && strcmp(err.argument, "line") == 0 && err.which == 1);
    s.made[2].column.n = 10;
    s.made[3].column.type = PC_TEXT64;
    err = error_of(&s);
    EXPECT(err.status == PC_ERR_TYPE && strcmp(err.argument, "welfare") == 0);
    free_sample(&s);
}

static void a_state_takes_and_merges_only_the_scores_it_was_planned_for(void)
{
    sample s;
    pc_context ctx;
    make_sample(&s, 100, 2, true, 37);
    start(&ctx, 1, pc_cpu_simd());
    pc_total_plan plan = pc_total_plan_for(&s.rows, false);
    pc_total *total = pc_total_new(&ctx, &plan);
    plan.n_made--;
    pc_total *other = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, other, &s.rows) == PC_ERR_LENGTH);
    EXPECT(pc_total_update(&ctx, total, &s.rows) == PC_OK);
    EXPECT(pc_total_merge(&ctx, total, other) == PC_ERR_LENGTH);
    pc_total_free(&ctx, total);
    pc_total_free(&ctx, other);
    free_sample(&s);
}

static void merged_states_have_the_sums_of_both(void)
{
    sample s[2], whole;
    pc_context ctx;
    table t, expected;
    pc_total *state[2];
    start(&ctx, 1, pc_cpu_simd());
    make_sample(&whole, 4000, 2, true, 41);
    for (int k = 0; k < 2; k++) {
        make_sample(&s[k], 2000, 2, true, 41);
        memcpy(s[k].group, whole.group + 2000 * k, 2000 * sizeof *whole.group);
        memcpy(s[k].welfare, whole.welfare + 2000 * k, 2000 * sizeof(double));
        memcpy(s[k].weight, whole.weight + 2000 * k, 2000 * sizeof(double));
        for (int l = 0; l < LINES; l++)
            memcpy(s[k].line[l], whole.line[l] + 2000 * k, 2000 * sizeof(double));
        const pc_total_plan plan = pc_total_plan_for(&s[k].rows, false);
        state[k] = pc_total_new(&ctx, &plan);
        EXPECT(pc_total_update(&ctx, state[k], &s[k].rows) == PC_OK);
    }
    EXPECT(pc_total_merge(&ctx, state[0], state[1]) == PC_OK);
    EXPECT(pc_total_finish(&ctx, state[0]) == PC_OK);
    read_table(state[0], whole.fgt.n_scores, &t);
    if (EXPECT(totals(&ctx, &whole.rows, &expected) == PC_OK)) {
        for (int64_t j = 0; j < t.n_groups * whole.fgt.n_scores; j++)
            EXPECT(fabs(t.sum[j] - expected.sum[j]) <= 1e-13 * expected.sum[j]);
        free_table(&expected);
    }
    free_table(&t);
    for (int k = 0; k < 2; k++) {
        pc_total_free(&ctx, state[k]);
        free_sample(&s[k]);
    }
    free_sample(&whole);
}

/* ---- memory ---- */

static pc_status whole_life(pc_context *ctx, void *arg)
{
    return totals(ctx, &((sample *)arg)->rows, NULL);
}

static void every_allocation_may_fail(void)
{
    for (int64_t n_values = 0; n_values <= 1; n_values++) {
        sample s;
        pc_context ctx;
        pc_made where, made;
        start(&ctx, 1, pc_cpu_simd());
        make_sample(&s, 3000, 5, true, 43);
        const pc_column *value = pc_make_array(&made, PC_FLOAT64, s.weight, s.n);
        s.rows.n_values = n_values;
        s.rows.values = &value;
        s.rows.where = pc_make_array(&where, PC_BOOL, s.where, s.n);
        EXPECT(pc_test_failing_allocator(&ctx, whole_life, &s) > 8);
        free_sample(&s);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(four_rows_on_paper),
        CLAIM(every_score_equals_the_oracle),
        CLAIM(any_number_of_scores_equals_the_oracle),
        CLAIM(a_rare_row_adds_to_no_later_block),
        CLAIM(scores_beside_flags_and_values_equal_those_alone),
        CLAIM(threads_and_builds_give_the_same_bits),
        CLAIM(a_constant_score_does_not_drift),
        CLAIM(merged_states_have_the_sums_of_both),
        CLAIM(the_smallest_bad_row_is_named),
        CLAIM(an_income_without_a_score_is_refused_in_the_domain_only),
        CLAIM(parameters_outside_their_range_are_refused),
        CLAIM(columns_of_other_lengths_and_types_are_refused),
        CLAIM(a_state_takes_and_merges_only_the_scores_it_was_planned_for),
        CLAIM(every_allocation_may_fail),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
