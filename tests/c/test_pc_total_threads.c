/* Totals by cell against a literal oracle in long double; lanes, threads, batches, merges, errors. */
#include "pc_made.h"
#include "pc_test.h"
#include "pc_total.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_SCORES = 16 };
enum { FOR_LEAN = 200000 }; /* groups to expect, so that records of few flags are lean */

/* One table of made rows: two integer keys, a text key, weight, flags, values. */
typedef struct sample {
    int64_t n;
    int32_t *district;
    int16_t *year;
    int64_t *offset;
    char *text;
    double *weight;
    float *size;
    uint8_t *where;
    int8_t *flag[12];
    double *value[2];
    pc_made made[24];
    const pc_column *keys[3], *flags[12], *values[2], *pairs[2];
    pc_rows rows;
} sample;

static void *take(int64_t n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);
    if (block == NULL) abort();
    return block;
}

static void make_sample(sample *s, int64_t n, int64_t n_districts, uint64_t seed)
{
    pc_draws draws = {seed};
    memset(s, 0, sizeof *s);
    s->n = n;
    s->district = take(n, sizeof *s->district);
    s->year = take(n, sizeof *s->year);
    s->offset = take(n + 1, sizeof *s->offset);
    s->text = take(20 * n, 1);
    s->weight = take(n, sizeof *s->weight);
    s->size = take(n, sizeof *s->size);
    s->where = take(n, sizeof *s->where);
    for (int j = 0; j < 12; j++) s->flag[j] = take(n, 1);
    for (int j = 0; j < 2; j++) s->value[j] = take(n, sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        s->district[i] = (int32_t)(pc_draw_below(&draws, n_districts) - 3);
        s->year[i] = (int16_t)(2021 + pc_draw_below(&draws, 2));
        const char *name = s->district[i] % 2 ? "short" : "a name of more than 12 bytes";
        const int64_t length = 3 + (s->district[i] + 3) % 15;
        memcpy(s->text + s->offset[i], name, (size_t)(length < 5 ? length : 5));
        s->offset[i + 1] = s->offset[i] + length;
        s->weight[i] = pc_draw_below(&draws, 10) == 0 ? 0.0 : 1e3 * pc_draw_unit(&draws);
        s->size[i] = (float)pc_draw_below(&draws, 9);
        s->where[i] = pc_draw_below(&draws, 4) > 0;
        const uint64_t bits = pc_draw(&draws); /* five for each flag; later flags are more common */
        for (int j = 0; j < 12; j++) s->flag[j][i] = (int)(bits >> 5 * j & 31) <= 2 * j;
        s->value[0][i] = 1e6 * (pc_draw_unit(&draws) - 0.5);
        s->value[1][i] = pc_draw_below(&draws, 20) == 0 ? NAN : pc_draw_unit(&draws);
    }
    pc_made *m = s->made;
    s->keys[0] = pc_make_array(m++, PC_INT32, s->district, n);
    s->keys[1] = pc_make_array(m++, PC_INT16, s->year, n);
    for (int j = 0; j < 12; j++) s->flags[j] = pc_make_array(m++, PC_INT8, s->flag[j], n);
    for (int j = 0; j < 2; j++) s->values[j] = pc_make_array(m++, PC_FLOAT64, s->value[j], n);
    s->pairs[0] = s->values[0];
    s->pairs[1] = s->values[1];
    s->rows.n = n;
    s->rows.n_keys = 2;
    s->rows.keys = s->keys;
    s->rows.weight = pc_make_array(m++, PC_FLOAT64, s->weight, n);
    s->rows.flags = s->flags;
    s->rows.values = s->values;
    s->rows.pairs = s->pairs;
    m->chunk.n = 0;
    s->keys[2] = pc_make(m, PC_TEXT64, s->offset, 8, n);
    m->chunk.bytes = (const uint8_t *)s->text;
    m->chunk.n_bytes = s->offset[n];
}

static void free_sample(sample *s)
{
    free(s->district);
    free(s->year);
    free(s->offset);
    free(s->text);
    free(s->weight);
    free(s->size);
    free(s->where);
    for (int j = 0; j < 12; j++) free(s->flag[j]);
    for (int j = 0; j < 2; j++) free(s->value[j]);
}

/* What was read of a finished state. */
typedef struct table {
    int64_t n_groups, n_scores, n_sums;
    int64_t *n, *score_n, *key[3];
    double *weight, *score_weight, *sum;
} table;

static void read_table(const pc_total *total, const pc_rows *rows, table *t)
{
    const pc_total_plan plan = pc_total_plan_for(rows, false);
    t->n_groups = pc_total_n_groups(total);
    t->n_scores = pc_total_n_scores(&plan);
    t->n_sums = pc_total_n_sums(&plan);
    t->n = take(t->n_groups, 8);
    t->weight = take(t->n_groups, 8);
    t->score_n = take(t->n_groups * t->n_scores, 8);
    t->score_weight = take(t->n_groups * t->n_scores, 8);
    t->sum = take(t->n_groups * t->n_sums, 8);
    const pc_total_result result = {t->n, t->weight, t->score_n, t->score_weight, t->sum};
    pc_total_read(total, &result);
    uint8_t *missing = take(t->n_groups, 1);
    for (int64_t k = 0; k < 3; k++) {
        t->key[k] = take(t->n_groups, 8);
        if (k < rows->n_keys) pc_total_read_key(total, k, t->key[k], missing);
    }
    free(missing);
}

static void free_table(table *t)
{
    free(t->n);
    free(t->weight);
    free(t->score_n);
    free(t->score_weight);
    free(t->sum);
    for (int64_t k = 0; k < 3; k++) free(t->key[k]);
}

static int64_t group_with(const table *t, int64_t district, int64_t year)
{
    for (int64_t g = 0; g < t->n_groups; g++)
        if (t->key[0][g] == district && t->key[1][g] == year) return g;
    return -1;
}

/* The same groups, in any order, with the same bits. */
static bool same_bits(const table *a, const table *b)
{
    bool same = a->n_groups == b->n_groups;
    for (int64_t g = 0; same && g < a->n_groups; g++) {
        const int64_t h = group_with(b, a->key[0][g], a->key[1][g]);
        if (h < 0) return false;
        same = a->n[g] == b->n[h] && memcmp(&a->weight[g], &b->weight[h], 8) == 0;
        for (int64_t j = 0; same && j < a->n_scores; j++) {
            const int64_t at = j * a->n_groups;
            same = a->score_n[at + g] == b->score_n[at + h] &&
                   memcmp(&a->score_weight[at + g], &b->score_weight[at + h], 8) == 0;
        }
        for (int64_t j = 0; same && j < a->n_sums; j++)
            same = memcmp(&a->sum[j * a->n_groups + g], &b->sum[j * a->n_groups + h], 8) == 0;
    }
    return same;
}

static pc_status totals(pc_context *ctx, const pc_rows *rows, int64_t expected_groups, table *t)
{
    pc_total_plan plan = pc_total_plan_for(rows, false);
    plan.expected_groups = expected_groups;
    pc_total *total = pc_total_new(ctx, &plan);
    pc_status status = total == NULL ? PC_ERR_MEMORY : PC_OK;
    if (status == PC_OK) status = pc_total_update(ctx, total, rows);
    if (status == PC_OK) status = pc_total_finish(ctx, total);
    if (status == PC_OK) read_table(total, rows, t);
    pc_total_free(ctx, total);
    return status;
}

static void one_thread(pc_context *ctx, int n_threads)
{
    pc_context_init(ctx);
    ctx->n_threads = n_threads;
}

/* The oracle: for one group, go through all rows. */
static bool close_to(double found, long double expected, long double scale)
{
    const long double most = 1e-13L * fmaxl(fabsl(expected), scale);
    return fabsl((long double)found - expected) <= most;
}

static void check_group(const sample *s, const table *t, int64_t g)
{
    long double weight = 0, flag[12] = {0}, value[2] = {0}, value_weight[2] = {0}, pair[2] = {0};
    long double scale = 0;
    int64_t n = 0, value_n[2] = {0}, pair_n = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (s->district[i] != t->key[0][g] || s->year[i] != t->key[1][g]) continue;
        if (s->rows.where != NULL && !s->where[i]) continue;
        const double size = s->rows.size == NULL ? 1.0 : (double)s->size[i];
        const double u = (s->rows.weight == NULL ? 1.0 : s->weight[i]) * size;
        n++;
        weight += u;
        for (int j = 0; j < 12; j++) flag[j] += u * s->flag[j][i];
        for (int j = 0; j < 2; j++) {
            if (isnan(s->value[j][i])) continue;
            value_n[j]++;
            value_weight[j] += u;
            value[j] += (long double)(u * s->value[j][i]);
            scale += fabsl((long double)(u * s->value[j][i]));
        }
        if (isnan(s->value[1][i])) continue;
        pair_n++;
        pair[0] += (long double)(u * s->value[0][i]);
        pair[1] += (long double)(u * s->value[1][i]);
    }
    EXPECT(t->n[g] == n);
    EXPECT(close_to(t->weight[g], weight, 0));
    const int64_t n_flags = s->rows.n_flags, groups = t->n_groups;
    for (int64_t j = 0; j < n_flags; j++) EXPECT(close_to(t->sum[j * groups + g], flag[j], 0));
    for (int64_t j = 0; j < s->rows.n_values; j++) {
        const int64_t at = (n_flags + j) * groups + g;
        EXPECT(t->score_n[at] == value_n[j]);
        EXPECT(close_to(t->score_weight[at], value_weight[j], 0));
        EXPECT(close_to(t->sum[at], value[j], scale));
    }
    if (s->rows.n_pairs == 0) return;
    const int64_t at = (n_flags + s->rows.n_values) * groups + g;
    EXPECT(t->score_n[at] == pair_n);
    EXPECT(close_to(t->sum[at], pair[0], scale));
    EXPECT(close_to(t->sum[at + groups], pair[1], scale));
}

static void check_all(const sample *s, const table *t)
{
    int64_t n = 0;
    for (int64_t g = 0; g < t->n_groups; g++) {
        check_group(s, t, g);
        n += t->n[g];
    }
    if (s->rows.where == NULL) EXPECT(n == s->n);
}

/* ---- worked example -------------------------------------------------------------------------- */

/* Three households of district 1, one of district 2; weights 1, 2, 1, 3; the second and the fourth are
 * poor: 2 of 4 and 3 of 3. */
static void four_households_on_paper(void)
{
    static const int64_t district[] = {1, 1, 1, 2};
    static const double weight[] = {1, 2, 1, 3};
    static const int8_t poor[] = {0, 1, 0, 1};
    pc_made made[3];
    const pc_column *key = pc_make_array(&made[0], PC_INT64, district, 4);
    const pc_column *flag = pc_make_array(&made[1], PC_INT8, poor, 4);
    pc_rows rows = {.n = 4, .n_keys = 1, .keys = &key, .n_flags = 1, .flags = &flag};
    rows.weight = pc_make_array(&made[2], PC_FLOAT64, weight, 4);
    pc_context ctx;
    table t;
    one_thread(&ctx, 1);
    if (!EXPECT(totals(&ctx, &rows, 0, &t) == PC_OK)) return;
    EXPECT(t.n_groups == 2);
    EXPECT(t.key[0][0] == 1 && t.n[0] == 3 && t.weight[0] == 4.0 && t.sum[0] == 2.0);
    EXPECT(t.key[0][1] == 2 && t.n[1] == 1 && t.weight[1] == 3.0 && t.sum[1] == 3.0);
    free_table(&t);
}

/* ---- oracle ---------------------------------------------------------------------------------- */

static void check_expecting(int64_t n, int64_t n_districts, int64_t n_flags, int64_t n_values,
                            int64_t n_pairs, bool has_where, bool has_size, int64_t expected_groups)
{
    sample s;
    table t;
    pc_context ctx;
    one_thread(&ctx, 2);
    make_sample(&s, n, n_districts, (uint64_t)(n + n_flags));
    s.rows.n_flags = n_flags;
    s.rows.n_values = n_values;
    s.rows.n_pairs = n_pairs;
    pc_made where, size;
    if (has_where) s.rows.where = pc_make_array(&where, PC_BOOL, s.where, n);
    if (has_size) s.rows.size = pc_make_array(&size, PC_FLOAT32, s.size, n);
    if (EXPECT(totals(&ctx, &s.rows, expected_groups, &t) == PC_OK)) {
        check_all(&s, &t);
        free_table(&t);
    }
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    free_sample(&s);
}

static void check_sample(int64_t n, int64_t n_districts, int64_t n_flags, int64_t n_values,
                         int64_t n_pairs, bool has_where, bool has_size)
{
    check_expecting(n, n_districts, n_flags, n_values, n_pairs, has_where, has_size, 0);
}

static void lean_records_equal_the_oracle(void)
{
    for (int64_t n_flags = 0; n_flags <= 3; n_flags++) {
        check_expecting(5000, 7, n_flags, 0, 0, false, false, FOR_LEAN);
        check_expecting(5000, 700, n_flags, 0, 0, true, true, FOR_LEAN);
    }
    check_expecting(PC_RUN + 5000, 3, 1, 0, 0, true, false, FOR_LEAN); /* two lanes, and many rows put aside */
    check_expecting(3 * PC_RUN, 3, 3, 0, 0, false, false, FOR_LEAN);   /* three */
}

static void cells_equal_the_oracle(void)
{
    check_sample(1, 1, 1, 0, 0, false, false);
    check_sample(5000, 7, 0, 0, 0, false, false);
    check_sample(5000, 7, 1, 0, 0, false, false);
    check_sample(5000, 7, 12, 0, 0, true, true);
    check_sample(PC_RUN + 5000, 3, 7, 0, 0, false, false);
}

static void sums_equal_the_oracle(void)
{
    check_sample(5000, 7, 0, 1, 0, false, false);
    check_sample(5000, 7, 3, 2, 1, false, true);
    check_sample(5000, 7, 12, 2, 1, true, false);
    check_sample(PC_RUN + 5000, 3, 0, 0, 1, true, false);
}

static void many_groups_and_flags_equal_the_oracle(void)
{
    check_sample(20000, 600, 12, 0, 0, false, false);
    check_sample(20000, 600, 3, 0, 0, true, false);
}

/* Every cell of a profile against all rows. */
static void check_profile(const sample *s, const pc_total *total)
{
    const int64_t n_cells = pc_total_n_cells(total), n_groups = pc_total_n_groups(total);
    int64_t *group = take(n_cells, 8), *n = take(n_cells, 8), *key[2], n_rows = 0;
    int64_t *start = take(n_groups + 1, 8);
    uint32_t *mask = take(n_cells, 4);
    pc_context ctx;
    double *weight = take(n_cells, 8);
    uint8_t *missing = take(n_groups, 1);
    for (int k = 0; k < 2; k++) {
        key[k] = take(n_groups, 8);
        pc_total_read_key(total, k, key[k], missing);
    }
    one_thread(&ctx, 1);
    pc_total_read_starts(total, start);
    EXPECT(pc_total_read_cells(&ctx, total, mask, n, weight) == PC_OK);
    for (int64_t g = 0; g < n_groups; g++)
        for (int64_t c = start[g]; c < start[g + 1]; c++) group[c] = g;
    for (int64_t c = 0; c < n_cells; c++) {
        long double expected = 0;
        int64_t rows = 0;
        for (int64_t i = 0; i < s->n; i++) {
            uint32_t m = 0;
            if (s->district[i] != key[0][group[c]] || s->year[i] != key[1][group[c]]) continue;
            for (int64_t j = 0; j < s->rows.n_flags; j++) m |= (uint32_t)s->flag[j][i] << j;
            if (m != mask[c]) continue;
            rows++;
            expected += s->weight[i];
        }
        EXPECT(n[c] == rows && close_to(weight[c], expected, 0));
        EXPECT(c == 0 || group[c - 1] < group[c] ||
               (group[c - 1] == group[c] && mask[c - 1] < mask[c]));
        n_rows += n[c];
    }
    EXPECT(n_rows == s->n);
    free(group);
    free(start);
    free(mask);
    free(n);
    free(weight);
    free(missing);
    free(key[0]);
    free(key[1]);
}

static void profiles_equal_the_oracle(void)
{
    static const int64_t n_flags[] = {0, 1, 8, 9, 12};
    for (size_t k = 0; k < sizeof n_flags / sizeof *n_flags; k++)
        for (int is_text = 0; is_text <= 1; is_text++) {
            sample s;
            pc_context ctx;
            one_thread(&ctx, 2);
            make_sample(&s, 3000, 5, 20 + k);
            s.rows.n_flags = n_flags[k];
            s.rows.n_keys = is_text ? 3 : 2; /* the text follows from the district */
            pc_total_plan plan = pc_total_plan_for(&s.rows, false);
            plan.has_profile = true;
            pc_total *total = pc_total_new(&ctx, &plan);
            EXPECT(pc_total_update(&ctx, total, &s.rows) == PC_OK);
            EXPECT(pc_total_finish(&ctx, total) == PC_OK);
            check_profile(&s, total);
            pc_total_free(&ctx, total);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            free_sample(&s);
        }
}

static void a_profile_of_too_many_groups_or_flags_is_refused(void)
{
    sample s;
    pc_context ctx;
    one_thread(&ctx, 1);
    make_sample(&s, 30000, 6000, 30);
    s.rows.n_flags = 12;
    s.keys[1] = s.keys[2];
    for (int k = 0; k <= 1; k++) {
        pc_total_plan plan = pc_total_plan_for(&s.rows, false);
        plan.has_profile = true;
        plan.n_values = k;
        pc_total *total = pc_total_new(&ctx, &plan);
        EXPECT(pc_total_update(&ctx, total, &s.rows) == (k ? PC_ERR_LENGTH : PC_ERR_LIMIT));
        pc_total_free(&ctx, total);
    }
    const pc_total_plan many = {.n_flags = 70, .has_profile = true, .expected_groups = 5};
    EXPECT(pc_total_new(&ctx, &many) == NULL);
    EXPECT(ctx.error.status == PC_ERR_LIMIT);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    free_sample(&s);
}

/* ---- properties ------------------------------------------------------------------------------ */

static void any_number_of_threads_gives_the_same_bits(void)
{
    sample s;
    make_sample(&s, 2 * PC_RUN + 77777, 5, 1);
    for (int64_t n_values = 0; n_values <= 3; n_values++) {
        const bool is_lean = n_values == 3;
        const int64_t expected = is_lean ? FOR_LEAN : 0;
        table first, t;
        s.rows.n_flags = is_lean ? 3 : 12;
        s.rows.n_values = is_lean ? 0 : n_values;
        for (int n_threads = 1; n_threads <= 7; n_threads += n_threads == 1 ? 1 : 5) {
            pc_context ctx;
            one_thread(&ctx, n_threads);
            if (!EXPECT(totals(&ctx, &s.rows, expected, n_threads == 1 ? &first : &t) == PC_OK)) break;
            if (n_threads == 1) continue;
            EXPECT(same_bits(&first, &t));
            free_table(&t);
        }
        free_table(&first);
    }
    free_sample(&s);
}

static void portable_loops_give_the_same_bits(void)
{
    sample s;
    make_sample(&s, 30000, 5, 2);
    for (int64_t n_values = 0; n_values <= 5; n_values++) {
        const bool is_lean = n_values > 2;
        const int64_t expected = is_lean ? FOR_LEAN : 0;
        pc_context ctx;
        table a, b;
        s.rows.n_flags = is_lean ? n_values == 5 ? 3 : n_values - 3 : 12;
        s.rows.n_values = is_lean ? 0 : n_values;
        one_thread(&ctx, 1);
        if (!EXPECT(totals(&ctx, &s.rows, expected, &a) == PC_OK)) return;
        ctx.simd = PC_SIMD_PORTABLE;
        if (!EXPECT(totals(&ctx, &s.rows, expected, &b) == PC_OK)) return;
        EXPECT(same_bits(&a, &b));
        free_table(&a);
        free_table(&b);
    }
    free_sample(&s);
}

/* Feed rows first .. end-1 of a sample. */
static pc_status feed(pc_context *ctx, pc_total *total, const sample *s, int64_t first,
                      int64_t end)
{
    pc_made made[20], *m = made;
    const pc_column *keys[3], *flags[12], *values[2];
    pc_rows rows = s->rows;
    rows.n = end - first;
    for (int64_t k = 0; k < rows.n_keys; k++)
        keys[k] = pc_make_part(m++, s->rows.keys[k], first, rows.n);
    for (int64_t j = 0; j < rows.n_flags; j++)
        flags[j] = pc_make_part(m++, s->rows.flags[j], first, rows.n);
    for (int64_t j = 0; j < rows.n_values; j++)
        values[j] = pc_make_part(m++, s->rows.values[j], first, rows.n);
    rows.keys = keys;
    rows.flags = flags;
    rows.values = values;
    rows.weight = pc_make_part(m++, s->rows.weight, first, rows.n);
    if (rows.where != NULL) rows.where = pc_make_part(m, s->rows.where, first, rows.n);
    return pc_total_update(ctx, total, &rows);
}

static void batches_in_order_give_the_same_bits(void)
{
    static const int64_t cuts[] = {0, 1, 1, 2049, 100000, PC_RUN + 5, PC_RUN + 40000};
    enum { N_CUTS = sizeof cuts / sizeof *cuts };
    sample s;
    make_sample(&s, PC_RUN + 40000, 5, 3);
    /* ranges grow from batch to batch, downwards and upwards, and a key has a gap */
    for (int64_t i = 0; i < s.n; i++)
        s.district[i] += i < 2049 ? 0 : i < 100000 ? -1000 : 5000;
    for (int64_t n_values = 0; n_values <= 2; n_values++) {
        const bool is_lean = n_values == 2;
        const int64_t expected = is_lean ? FOR_LEAN : 20;
        table whole, t;
        pc_context ctx;
        one_thread(&ctx, 2);
        s.rows.n_flags = is_lean ? 1 : 7;
        s.rows.n_values = is_lean ? 0 : n_values;
        if (!EXPECT(totals(&ctx, &s.rows, expected, &whole) == PC_OK)) return;
        pc_total_plan plan = pc_total_plan_for(&s.rows, false);
        plan.expected_groups = expected;
        pc_total *total = pc_total_new(&ctx, &plan);
        for (int c = 1; c < N_CUTS; c++)
            EXPECT(feed(&ctx, total, &s, cuts[c - 1], cuts[c]) == PC_OK);
        EXPECT(pc_total_n_rows(total) == s.n);
        EXPECT(pc_total_finish(&ctx, total) == PC_OK);
        read_table(total, &s.rows, &t);
        check_all(&s, &t);
        EXPECT(same_bits(&whole, &t));
        pc_total_free(&ctx, total);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
        free_table(&whole);
        free_table(&t);
    }
    free_sample(&s);
}

/* A file may begin with an empty batch: it says nothing of groups, nor of the types of its keys. */
static void an_empty_batch_before_the_first_row_changes_nothing(void)
{
    sample s;
    table whole, t;
    pc_context ctx;
    make_sample(&s, 30000, 4000, 13);
    one_thread(&ctx, 1);
    s.rows.n_flags = 3;
    if (!EXPECT(totals(&ctx, &s.rows, 0, &whole) == PC_OK)) return;
    pc_made empty[5];
    const pc_column *keys[2] = {pc_make_array(&empty[0], PC_FLOAT64, s.weight, 0),
                                pc_make_array(&empty[1], PC_UINT64, s.weight, 0)};
    const pc_column *flags[3];
    for (int j = 0; j < 3; j++) flags[j] = pc_make_array(&empty[2 + j], PC_INT8, s.flag[j], 0);
    pc_rows none = {.n_keys = 2, .keys = keys, .n_flags = 3, .flags = flags};
    const pc_total_plan plan = pc_total_plan_for(&s.rows, false);
    pc_total *total = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, total, &none) == PC_OK);
    EXPECT(pc_total_update(&ctx, total, &s.rows) == PC_OK);
    EXPECT(pc_total_finish(&ctx, total) == PC_OK);
    read_table(total, &s.rows, &t);
    EXPECT(same_bits(&whole, &t));
    pc_total_free(&ctx, total);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    free_table(&whole);
    free_table(&t);
    free_sample(&s);
}

static void merged_states_equal_the_oracle(void)
{
    sample s;
    make_sample(&s, 30000, 6, 4);
    for (int64_t i = 0; i < s.n; i++) s.district[i] += i < 9000 ? 0 : 50;
    pc_made where;
    s.rows.where = pc_make_array(&where, PC_BOOL, s.where, s.n);
    for (int64_t n_values = 0; n_values <= 3; n_values++) {
        const bool is_lean = n_values % 2;
        table t;
        pc_context ctx;
        one_thread(&ctx, 2);
        s.rows.n_flags = 3;
        s.rows.n_values = is_lean ? 0 : n_values;
        pc_total_plan plan = pc_total_plan_for(&s.rows, false);
        plan.expected_groups = is_lean ? FOR_LEAN : 30;
        pc_total *a = pc_total_new(&ctx, &plan), *b = pc_total_new(&ctx, &plan);
        EXPECT(feed(&ctx, a, &s, 0, 10000) == PC_OK);
        EXPECT(feed(&ctx, b, &s, 10000, 30000) == PC_OK);
        EXPECT(pc_total_merge(&ctx, a, b) == PC_OK);
        pc_total_free(&ctx, b);
        EXPECT(pc_total_finish(&ctx, a) == PC_OK);
        read_table(a, &s.rows, &t);
        check_all(&s, &t);
        EXPECT(pc_total_n_rows(a) == s.n);
        pc_total_free(&ctx, a);
        free_table(&t);
    }
    free_sample(&s);
}

/* Ranges are guessed from the first rows: a key outside the guess, anywhere, must cost time only. */
static void a_key_that_appears_late_is_found_all_the_same(void)
{
    enum { N = 4 * PC_RUN + 100 };
    static const int64_t late[] = {PC_RUN, 2 * PC_RUN + 5, N - 1};
    sample s;
    make_sample(&s, N, 4, 12);
    s.rows.n_keys = 1;
    s.rows.n_flags = 1;
    for (size_t k = 0; k <= sizeof late / sizeof *late; k++) {
        pc_context ctx;
        table t;
        one_thread(&ctx, 2);
        int32_t *key = k < 3 ? &s.district[late[k]] : NULL;
        const int32_t before = key == NULL ? 0 : *key;
        if (key != NULL) *key = 1000000;
        if (EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_OK)) {
            int64_t n = 0, n_late = 0;
            for (int64_t g = 0; g < t.n_groups; g++) {
                n += t.n[g];
                if (t.key[0][g] == 1000000) n_late += t.n[g];
            }
            EXPECT(n == N && n_late == (key != NULL) && t.n_groups == 4 + (key != NULL));
            free_table(&t);
        }
        if (key != NULL) { /* and a bad weight is named, before or behind it */
            s.weight[late[k] - 7] = -1.0;
            EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_ERR_VALUE);
            EXPECT(ctx.error.index == late[k] - 7);
            s.weight[late[k] - 7] = 1.0;
            *key = before;
        }
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
    free_sample(&s);
}

static void a_constant_weight_does_not_drift(void)
{
    enum { N = 3000000 };
    static const double weight = 0.1;
    static const int8_t poor = 1;
    pc_made made[2];
    pc_rows rows = {.n = N, .n_flags = 1};
    const pc_column *flag = pc_make(&made[0], PC_INT8, &poor, 0, N);
    rows.flags = &flag;
    rows.weight = pc_make(&made[1], PC_FLOAT64, &weight, 0, N);
    for (int64_t expected = 0; expected <= FOR_LEAN; expected += FOR_LEAN) {
        pc_context ctx;
        table t;
        one_thread(&ctx, 2);
        if (!EXPECT(totals(&ctx, &rows, expected, &t) == PC_OK)) return;
        EXPECT(t.n_groups == 1 && t.n[0] == N);
        EXPECT(fabsl((long double)t.weight[0] - (long double)weight * N) < 1e-13L * 0.1L * N);
        EXPECT(t.sum[0] == t.weight[0]);
        free_table(&t);
    }
}

/* Slots are put aside when they have had 1,024 rows, which leaves them empty: the group must not be lost,
 * whether its codes are direct, words, or moved to wider ranges and merged afterwards. */
static void a_group_of_exactly_full_slots_stays(void)
{
    enum { N = 8 * 1024 * 2 };
    static int32_t key[N];
    static int8_t poor[N];
    for (int64_t i = 0; i < N; i++) {
        key[i] = i < N / 2 ? 5 : 6;
        poor[i] = (int8_t)(i % 2);
    }
    for (int form = 0; form <= 2; form++)
        for (int is_merged = 0; is_merged <= 1; is_merged++) {
            const bool has_profile = form == 1;
            pc_made made[2];
            const pc_column *keys = pc_make_array(&made[0], PC_INT32, key, N);
            const pc_column *flags = pc_make_array(&made[1], PC_INT8, poor, N);
            pc_rows rows = {.n = N, .n_keys = 1, .keys = &keys, .n_flags = 1, .flags = &flags};
            pc_context ctx;
            one_thread(&ctx, 1);
            pc_total_plan plan = pc_total_plan_for(&rows, false);
            plan.has_profile = has_profile;
            plan.expected_groups = form == 2 ? FOR_LEAN : 0;
            pc_total *a = pc_total_new(&ctx, &plan), *b = pc_total_new(&ctx, &plan);
            EXPECT(pc_total_update(&ctx, a, &rows) == PC_OK);
            key[0] = 1000; /* another range for the second state */
            EXPECT(pc_total_update(&ctx, b, &rows) == PC_OK);
            key[0] = 5;
            if (is_merged) EXPECT(pc_total_merge(&ctx, a, b) == PC_OK);
            EXPECT(pc_total_finish(&ctx, a) == PC_OK);
            EXPECT(pc_total_n_groups(a) == (is_merged ? 3 : 2));
            int64_t n_cells = pc_total_n_cells(a), n = 0;
            if (has_profile) {
                int64_t count[8];
                uint32_t mask[8];
                double weight[8];
                EXPECT(pc_total_read_cells(&ctx, a, mask, count, weight) == PC_OK);
                for (int64_t c = 0; c < n_cells; c++) n += count[c];
            } else {
                table t;
                read_table(a, &rows, &t);
                for (int64_t g = 0; g < t.n_groups; g++) n += t.n[g];
                free_table(&t);
            }
            EXPECT(n == N * (1 + is_merged));
            pc_total_free(&ctx, a);
            pc_total_free(&ctx, b);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
        }
}

static void a_text_key_groups_like_the_integer_it_was_made_of(void)
{
    sample s;
    table by_text;
    pc_context ctx;
    one_thread(&ctx, 2);
    make_sample(&s, 40000, 15, 5);
    s.keys[0] = s.keys[2];
    s.rows.n_keys = 2;
    s.rows.n_flags = 2;
    if (EXPECT(totals(&ctx, &s.rows, 0, &by_text) == PC_OK)) {
        /* the first row of a group's text says which district that is; "sho" and "a n" differ */
        for (int64_t g = 0; g < by_text.n_groups; g++)
            by_text.key[0][g] = s.district[by_text.key[0][g]];
        check_all(&s, &by_text);
        free_table(&by_text);
    }
    free_sample(&s);
}

/* ---- edges ----------------------------------------------------------------------------------- */

static void no_rows_give_no_groups_but_one_without_keys(void)
{
    for (int64_t n_keys = 0; n_keys <= 2; n_keys++) {
        sample s;
        table t;
        pc_context ctx;
        one_thread(&ctx, 2);
        make_sample(&s, 0, 5, 6);
        s.rows.n_keys = n_keys;
        s.rows.n_flags = 2;
        if (EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_OK)) {
            EXPECT(t.n_groups == (n_keys == 0));
            if (n_keys == 0) EXPECT(t.n[0] == 0 && t.weight[0] == 0.0 && t.sum[0] == 0.0);
            free_table(&t);
        }
        free_sample(&s);
    }
}

static void sums_beyond_the_largest_number_are_infinite(void)
{
    static const double weight[] = {1e308, 1e308, 1e308}, value[] = {2, 3, 4};
    static const int8_t poor[] = {1, 0, 1};
    pc_made made[3];
    const pc_column *flag = pc_make_array(&made[0], PC_INT8, poor, 3);
    const pc_column *values = pc_make_array(&made[1], PC_FLOAT64, value, 3);
    pc_rows rows = {.n = 3, .n_flags = 1, .flags = &flag, .values = &values};
    rows.weight = pc_make_array(&made[2], PC_FLOAT64, weight, 3);
    for (rows.n_values = 0; rows.n_values <= 1; rows.n_values++) {
        pc_context ctx;
        table t;
        one_thread(&ctx, 1);
        if (!EXPECT(totals(&ctx, &rows, 0, &t) == PC_OK)) return;
        EXPECT(t.n[0] == 3 && t.weight[0] == INFINITY);
        for (int64_t j = 0; j < t.n_sums; j++) EXPECT(t.sum[j] == INFINITY);
        free_table(&t);
    }
}

static void any_number_of_expected_groups_is_taken(void)
{
    sample s;
    table t;
    pc_context ctx;
    one_thread(&ctx, 1);
    make_sample(&s, 1000, 5, 14);
    s.rows.n_flags = 3;
    if (EXPECT(totals(&ctx, &s.rows, INT64_MAX, &t) == PC_OK)) {
        check_all(&s, &t);
        free_table(&t);
    }
    free_sample(&s);
}

static void a_group_outside_the_domain_stays_with_no_rows(void)
{
    static const int8_t district[] = {1, 2, 2}, poor[] = {1, 1, 0};
    static const uint8_t inside[] = {1, 0, 0};
    pc_made made[3];
    const pc_column *key = pc_make_array(&made[0], PC_INT8, district, 3);
    const pc_column *flag = pc_make_array(&made[1], PC_INT8, poor, 3);
    pc_rows rows = {.n = 3, .n_keys = 1, .keys = &key, .n_flags = 1, .flags = &flag};
    rows.where = pc_make_array(&made[2], PC_BOOL, inside, 3);
    pc_context ctx;
    table t;
    one_thread(&ctx, 1);
    if (!EXPECT(totals(&ctx, &rows, 0, &t) == PC_OK)) return;
    EXPECT(t.n_groups == 2);
    EXPECT(t.n[0] == 1 && t.sum[0] == 1.0 && t.n[1] == 0 && t.weight[1] == 0.0);
    free_table(&t);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void the_smallest_bad_row_is_named_whichever_lane_met_it(void)
{
    enum { N = 2 * PC_RUN + 1000 };
    static const int64_t bad_rows[] = {PC_RUN + 17, PC_RUN + 5, 2 * PC_RUN + 1, 40000};
    sample s;
    make_sample(&s, N, 5, 7);
    s.rows.n_flags = 2;
    for (int n_threads = 1; n_threads <= 2; n_threads++)
        for (size_t k = 0; k < sizeof bad_rows / sizeof *bad_rows; k++) {
            pc_context ctx;
            table t;
            one_thread(&ctx, n_threads);
            const int64_t row = bad_rows[k];
            s.weight[row] = -1.0;             /* a negative weight ... */
            s.flag[1][row + 1] = 2;           /* and a bad flag right behind it, */
            s.flag[0][2 * PC_RUN + 900] = -1; /* and another one in a later lane */
            EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_ERR_VALUE);
            EXPECT(ctx.error.index == row);
            EXPECT(strcmp(ctx.error.argument, "weight") == 0);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            s.weight[row] = 1.0;
            EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_ERR_VALUE);
            EXPECT(ctx.error.index == row + 1 && ctx.error.which == 1);
            EXPECT(strcmp(ctx.error.argument, "flag") == 0);
            s.flag[1][row + 1] = 0;
        }
    free_sample(&s);
}

static void bad_values_are_named(void)
{
    static const struct {
        double weight, value;
        pc_status status;
        const char *argument;
    } cases[] = {{NAN, 0, PC_ERR_MISSING, "weight"},
                 {INFINITY, 0, PC_ERR_VALUE, "weight"},
                 {-0.5, 0, PC_ERR_VALUE, "weight"},
                 {1, INFINITY, PC_ERR_VALUE, "value"},
                 {1, -INFINITY, PC_ERR_VALUE, "value"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        sample s;
        table t;
        pc_context ctx;
        one_thread(&ctx, 1);
        make_sample(&s, 5000, 5, 8);
        s.rows.n_values = 1;
        s.weight[4321] = cases[k].weight;
        s.value[0][4321] = cases[k].value;
        EXPECT(totals(&ctx, &s.rows, 0, &t) == cases[k].status);
        EXPECT(ctx.error.index == 4321);
        EXPECT(strcmp(ctx.error.argument, cases[k].argument) == 0);
        free_sample(&s);
    }
}

static void columns_of_other_lengths_and_types_are_refused(void)
{
    sample s;
    table t;
    pc_context ctx;
    one_thread(&ctx, 1);
    make_sample(&s, 100, 5, 9);
    pc_made shorter;
    const pc_column *weight = s.rows.weight;
    s.rows.weight = pc_make_part(&shorter, weight, 0, 99);
    EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_ERR_LENGTH);
    s.rows.weight = s.keys[2];
    EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_ERR_TYPE);
    free_sample(&s);
}

/* ---- failing allocator ----------------------------------------------------------------------- */

/* Two updates with growing ranges, a merge, a finish: everything that allocates. */
static pc_status whole_life(pc_context *ctx, void *arg)
{
    const sample *s = arg;
    pc_total_plan plan = pc_total_plan_for(&s->rows, false);
    plan.expected_groups = s->rows.n_flags == 1 ? FOR_LEAN : 20;
    pc_total *a = pc_total_new(ctx, &plan), *b = pc_total_new(ctx, &plan);
    pc_status status = a == NULL || b == NULL ? PC_ERR_MEMORY : PC_OK;
    if (status == PC_OK) status = feed(ctx, a, s, 0, 500);
    if (status == PC_OK) status = feed(ctx, a, s, 500, 1000);
    if (status == PC_OK) status = feed(ctx, b, s, 1000, 2000);
    if (status == PC_OK) status = pc_total_merge(ctx, a, b);
    if (status == PC_OK) status = pc_total_finish(ctx, a);
    if (status == PC_OK) EXPECT(pc_total_n_groups(a) > 0);
    pc_total_free(ctx, a);
    pc_total_free(ctx, b);
    return status;
}

/* One update of a state whose layout comes from its first rows: their groups are counted before. */
static pc_status counted_life(pc_context *ctx, void *arg)
{
    const sample *s = arg;
    const pc_total_plan plan = pc_total_plan_for(&s->rows, false);
    pc_total *total = pc_total_new(ctx, &plan);
    pc_status status = total == NULL ? PC_ERR_MEMORY : pc_total_update(ctx, total, &s->rows);
    if (status == PC_OK) status = pc_total_finish(ctx, total);
    pc_total_free(ctx, total);
    return status;
}

static void every_allocation_may_fail(void)
{
    for (int64_t n_values = 0; n_values <= 2; n_values++)
        for (int spread = 0; spread <= 1; spread++) {
            const bool is_lean = n_values == 2;
            sample s;
            pc_context ctx;
            pc_made where;
            one_thread(&ctx, 1);
            make_sample(&s, 2000, 5, 10);
            for (int64_t i = 0; i < s.n; i++)
                s.district[i] *= spread ? 1 + 40000 * (int32_t)(i % 1000) : 1;
            s.rows.n_flags = is_lean ? 1 : 3;
            s.rows.n_values = is_lean ? 0 : n_values;
            s.rows.where = pc_make_array(&where, PC_BOOL, s.where, s.n);
            EXPECT(pc_test_failing_allocator(&ctx, whole_life, &s) > 10);
            EXPECT(pc_test_failing_allocator(&ctx, counted_life, &s) > 10);
            free_sample(&s);
        }
}

static void a_whole_pass_asks_for_less_than_64_mib(void)
{
    static const int64_t n_districts[] = {100, 5500};
    for (size_t k = 0; k < sizeof n_districts / sizeof *n_districts; k++) {
        sample s;
        table t;
        pc_context ctx;
        one_thread(&ctx, 2);
        make_sample(&s, 8 * PC_RUN, n_districts[k], 11);
        s.rows.n_flags = 12;
        if (EXPECT(totals(&ctx, &s.rows, 0, &t) == PC_OK)) free_table(&t);
        EXPECT(atomic_load(&ctx.memory.peak) < 64 * 1024 * 1024);
        free_sample(&s);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(four_households_on_paper),
        CLAIM(lean_records_equal_the_oracle),
        CLAIM(cells_equal_the_oracle),
        CLAIM(sums_equal_the_oracle),
        CLAIM(many_groups_and_flags_equal_the_oracle),
        CLAIM(profiles_equal_the_oracle),
        CLAIM(a_profile_of_too_many_groups_or_flags_is_refused),
        CLAIM(any_number_of_threads_gives_the_same_bits),
        CLAIM(portable_loops_give_the_same_bits),
        CLAIM(batches_in_order_give_the_same_bits),
        CLAIM(an_empty_batch_before_the_first_row_changes_nothing),
        CLAIM(merged_states_equal_the_oracle),
        CLAIM(a_key_that_appears_late_is_found_all_the_same),
        CLAIM(a_constant_weight_does_not_drift),
        CLAIM(a_group_of_exactly_full_slots_stays),
        CLAIM(a_text_key_groups_like_the_integer_it_was_made_of),
        CLAIM(no_rows_give_no_groups_but_one_without_keys),
        CLAIM(sums_beyond_the_largest_number_are_infinite),
        CLAIM(any_number_of_expected_groups_is_taken),
        CLAIM(a_group_outside_the_domain_stays_with_no_rows),
        CLAIM(the_smallest_bad_row_is_named_whichever_lane_met_it),
        CLAIM(bad_values_are_named),
        CLAIM(columns_of_other_lengths_and_types_are_refused),
        CLAIM(every_allocation_may_fail),
        CLAIM(a_whole_pass_asks_for_less_than_64_mib),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
