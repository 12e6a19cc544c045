/* Profiles of so many groups that their rows are dealt; those of few are in test_pc_total_threads.c. */
#include "pc_made.h"
#include "pc_test.h"
#include "pc_total.h"

#include <stdlib.h>

enum { N = 30000, FLAGS = 12, GROUPS = 700, KEYS = GROUPS << FLAGS };

typedef struct sample {
    int32_t district[N];
    double weight[N];
    uint8_t where[N];
    int8_t flag[FLAGS][N];
    uint16_t mask[N];
} sample;

/* Some cells have more than 1,024 rows. */
static void draw_sample(sample *s, uint64_t seed)
{
    pc_draws draws = {seed};
    memset(s, 0, sizeof *s);
    for (int64_t i = 0; i < N; i++) {
        const bool is_hot = pc_draw_below(&draws, 3) == 0;
        const uint64_t bits = is_hot ? 21 : pc_draw(&draws);
        s->district[i] = is_hot ? 5 : (int32_t)pc_draw_below(&draws, GROUPS);
        s->weight[i] = 1e3 * pc_draw_unit(&draws);
        s->where[i] = pc_draw_below(&draws, 4) > 0;
        for (int j = 0; j < FLAGS; j++) {
            s->flag[j][i] = (int8_t)(bits >> 3 * j & 1);
            s->mask[i] |= (uint16_t)(s->flag[j][i] << j);
        }
    }
}

/* Rows first .. first+n-1 as columns. */
typedef struct columns {
    pc_made made[FLAGS + 4];
    const pc_column *key, *flags[FLAGS];
    pc_rows rows;
} columns;

static const pc_rows *make_columns(columns *c, const sample *s, int64_t first, int64_t n,
                                   bool has_where, bool is_packed)
{
    memset(c, 0, sizeof *c);
    c->key = pc_make_array(&c->made[FLAGS], PC_INT32, s->district + first, n);
    for (int j = 0; j < FLAGS; j++)
        c->flags[j] = pc_make_array(&c->made[j], PC_INT8, s->flag[j] + first, n);
    c->rows = (pc_rows){.n = n, .n_keys = 1, .keys = &c->key, .n_flags = FLAGS, .flags = c->flags};
    c->rows.weight = pc_make_array(&c->made[FLAGS + 1], PC_FLOAT64, s->weight + first, n);
    if (has_where) c->rows.where = pc_make_array(&c->made[FLAGS + 2], PC_BOOL, s->where + first, n);
    if (is_packed) c->rows.packed = pc_make_array(&c->made[FLAGS + 3], PC_UINT16, s->mask + first, n);
    return &c->rows;
}

static void start(pc_context *ctx, int n_threads)
{
    pc_context_init(ctx);
    ctx->n_threads = n_threads;
}

static pc_total *new_state(pc_context *ctx, const pc_rows *rows)
{
    pc_total_plan plan = pc_total_plan_for(rows, false);
    plan.has_profile = true;
    plan.expected_groups = GROUPS;
    return pc_total_new(ctx, &plan);
}

/* The cells of a finished state, spread over all keys: group and mask. */
typedef struct spread {
    int64_t n_groups, n_cells;
    int64_t n[KEYS];
    double weight[KEYS];
} spread;

static void read_spread(pc_context *ctx, const pc_total *total, spread *to)
{
    memset(to, 0, sizeof *to);
    to->n_groups = pc_total_n_groups(total);
    to->n_cells = pc_total_n_cells(total);
    int64_t *start = calloc((size_t)to->n_groups + 1, 8), *district = calloc((size_t)to->n_groups + 1, 8);
    int64_t *n = calloc((size_t)to->n_cells + 1, 8);
    uint32_t *mask = calloc((size_t)to->n_cells + 1, 4);
    double *weight = calloc((size_t)to->n_cells + 1, 8);
    uint8_t *missing = calloc((size_t)to->n_groups + 1, 1);
    pc_total_read_key(total, 0, district, missing);
    pc_total_read_starts(total, start);
    EXPECT(pc_total_read_cells(ctx, total, mask, n, weight) == PC_OK);
    EXPECT(start[to->n_groups] == to->n_cells);
    for (int64_t g = 0; g < to->n_groups; g++)
        for (int64_t c = start[g]; c < start[g + 1]; c++) {
            const int64_t key = district[g] << FLAGS | mask[c];
            EXPECT(c == start[g] || mask[c - 1] < mask[c]);
            EXPECT(to->n[key] == 0 && n[c] > 0);
            to->n[key] = n[c];
            to->weight[key] = weight[c];
        }
    free(start);
    free(district);
    free(n);
    free(mask);
    free(weight);
    free(missing);
}

static void check_spread(const spread *found, const sample *s, bool has_where, int64_t times)
{
    static int64_t n[KEYS];
    static long double weight[KEYS];
    int64_t n_cells = 0;
    memset(n, 0, sizeof n);
    memset(weight, 0, sizeof weight);
    for (int64_t i = 0; i < N; i++) {
        if (has_where && !s->where[i]) continue;
        const int64_t key = s->district[i] << FLAGS | s->mask[i];
        n_cells += n[key] == 0;
        n[key] += times;
        weight[key] += (long double)s->weight[i] * (long double)times;
    }
    EXPECT(found->n_groups == GROUPS && found->n_cells == n_cells);
    for (int64_t k = 0; k < KEYS; k++) {
        const long double error = found->weight[k] - weight[k];
        EXPECT(found->n[k] == n[k] && (error < 0 ? -error : error) <= 2e-13L * weight[k]);
    }
}

/* ---- claims ---------------------------------------------------------------------------------- */

static void cells_equal_the_oracle_whether_packed_or_not_with_the_same_bits(void)
{
    static sample s;
    static spread first, found;
    draw_sample(&s, 1);
    for (int has_where = 0; has_where <= 1; has_where++)
        for (int n_threads = 1; n_threads <= 7; n_threads += 3)
            for (int is_packed = 0; is_packed <= 1; is_packed++) {
                pc_context ctx;
                columns c;
                const bool is_first = n_threads == 1 && !is_packed;
                const pc_rows *rows = make_columns(&c, &s, 0, N, has_where, is_packed);
                start(&ctx, n_threads);
                pc_total *total = new_state(&ctx, rows);
                EXPECT(pc_total_update(&ctx, total, rows) == PC_OK);
                EXPECT(pc_total_finish(&ctx, total) == PC_OK);
                read_spread(&ctx, total, is_first ? &first : &found);
                if (is_first) check_spread(&first, &s, has_where, 1);
                else EXPECT(memcmp(&first, &found, sizeof found) == 0);
                pc_total_free(&ctx, total);
                EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            }
}

static void batches_whose_groups_grow_give_the_same_bits(void)
{
    static sample s;
    static spread whole, found;
    static const int64_t cuts[] = {0, 0, 900, 901, 20000, N};
    pc_context ctx;
    columns c;
    draw_sample(&s, 2);
    for (int64_t i = 0; i < 900; i++) s.district[i] = 300 + s.district[i] / 7;
    for (int is_whole = 1; is_whole >= 0; is_whole--) {
        const pc_rows *rows = make_columns(&c, &s, 0, N, true, false);
        start(&ctx, 2);
        pc_total *total = new_state(&ctx, rows);
        for (size_t k = 1; !is_whole && k < sizeof cuts / sizeof *cuts; k++) {
            rows = make_columns(&c, &s, cuts[k - 1], cuts[k] - cuts[k - 1], true, k % 2);
            EXPECT(pc_total_update(&ctx, total, rows) == PC_OK);
        }
        if (is_whole) EXPECT(pc_total_update(&ctx, total, rows) == PC_OK);
        EXPECT(pc_total_finish(&ctx, total) == PC_OK);
        read_spread(&ctx, total, is_whole ? &whole : &found);
        pc_total_free(&ctx, total);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
    EXPECT(memcmp(&whole, &found, sizeof found) == 0);
}

static void merged_states_equal_the_oracle(void)
{
    static sample s;
    static spread found;
    pc_context ctx;
    columns c;
    draw_sample(&s, 3);
    const pc_rows *rows = make_columns(&c, &s, 0, N, true, false);
    start(&ctx, 2);
    pc_total *into = new_state(&ctx, rows), *other = new_state(&ctx, rows);
    EXPECT(pc_total_merge(&ctx, into, other) == PC_OK);
    for (int64_t part = 0; part < 3; part++) { /* the whole, in halves, and the second half again */
        const int64_t first = part == 0 ? 0 : N / 2, n = N / 2;
        pc_total_free(&ctx, other);
        rows = make_columns(&c, &s, first, n, true, false);
        other = new_state(&ctx, rows);
        EXPECT(pc_total_update(&ctx, other, rows) == PC_OK);
        if (part < 2) EXPECT(pc_total_merge(&ctx, into, other) == PC_OK);
    }
    EXPECT(pc_total_finish(&ctx, into) == PC_OK);
    read_spread(&ctx, into, &found);
    check_spread(&found, &s, true, 1);
    pc_total_free(&ctx, into);
    pc_total_free(&ctx, other);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void the_smallest_bad_row_is_named(void)
{
    static sample s;
    for (int way = 0; way < 3; way++) {
        pc_context ctx;
        columns c;
        draw_sample(&s, 4);
        s.weight[20001] = -1;
        s.flag[3][17777] = way == 0 ? 2 : 0;
        s.where[17778] = way == 1 ? 9 : 1;
        s.mask[17779] = way == 2 ? KEYS / GROUPS : 0;
        const pc_rows *rows = make_columns(&c, &s, 0, N, true, way == 2);
        start(&ctx, 3);
        pc_total *total = new_state(&ctx, rows);
        if (way == 1) ((pc_column *)(uintptr_t)rows->where)->type = PC_UINT8;
        EXPECT(pc_total_update(&ctx, total, rows) == PC_ERR_VALUE);
        EXPECT(ctx.error.index == 17777 + way);
        pc_total_free(&ctx, total);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
}

static void more_keys_than_can_be_dealt_are_refused(void)
{
    static sample s;
    pc_context ctx;
    columns c;
    draw_sample(&s, 5);
    s.district[N - 1] = INT32_MAX / 2;
    const pc_rows *rows = make_columns(&c, &s, 0, N - 1, true, false);
    start(&ctx, 2);
    pc_total *total = new_state(&ctx, rows);
    EXPECT(pc_total_update(&ctx, total, rows) == PC_OK);
    rows = make_columns(&c, &s, N - 1, 1, true, false);
    EXPECT(pc_total_update(&ctx, total, rows) == PC_ERR_LIMIT);
    pc_total_free(&ctx, total);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

/* A register sorted by its groups shows few of them in the rows that set lanes and layout. */
static void groups_may_come_late(void)
{
    enum { LATE = PC_RUN + N, EARLY_GROUPS = 3 };
    static int32_t district[LATE];
    static uint16_t mask[LATE];
    static spread found;
    pc_context ctx;
    pc_made made[2];
    const pc_column *key = pc_make_array(&made[0], PC_INT32, district, LATE);
    for (int64_t i = 0; i < LATE; i++) {
        const int64_t late = i - PC_RUN, n_late = GROUPS - EARLY_GROUPS;
        district[i] = (int32_t)(late < 0 ? i * EARLY_GROUPS / PC_RUN : EARLY_GROUPS + late * n_late / N);
        mask[i] = (uint16_t)(i % (KEYS / GROUPS));
    }
    start(&ctx, 2);
    pc_rows rows = {.n = LATE, .n_keys = 1, .keys = &key, .n_flags = FLAGS};
    rows.packed = pc_make_array(&made[1], PC_UINT16, mask, LATE);
    pc_total_plan plan = pc_total_plan_for(&rows, false);
    plan.has_profile = true;
    pc_total *total = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, total, &rows) == PC_OK);
    EXPECT(pc_total_finish(&ctx, total) == PC_OK);
    read_spread(&ctx, total, &found);
    EXPECT(found.n_groups == GROUPS);
    for (int64_t i = 0; i < LATE; i++) found.n[(int64_t)district[i] << FLAGS | mask[i]]--;
    for (int64_t k = 0; k < KEYS; k++) EXPECT(found.n[k] == 0);
    EXPECT(atomic_load(&ctx.memory.peak) < 12 * (int64_t)LATE + 20 * found.n_cells + 64 * 1024 * 1024);
    pc_total_free(&ctx, total);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

/* Codes of units may leave most numbers out: they take a bit each, not a byte in every lane. */
static void keys_far_apart_keep_to_the_promised_memory(void)
{
    enum { FAR = 1 << 26, FEW_FLAGS = 4, MANY_GROUPS = 1 << 20 };
    static int32_t code[N];
    pc_context ctx;
    pc_draws draws = {7};
    pc_made made[1 + FEW_FLAGS];
    const pc_column *key = pc_make_array(&made[0], PC_INT32, code, N), *flags[FEW_FLAGS];
    static uint8_t zeros[N];
    for (int64_t i = 0; i < N; i++) code[i] = (int32_t)pc_draw_below(&draws, FAR);
    code[0] = 0;
    code[1] = FAR - 1;
    for (int j = 0; j < FEW_FLAGS; j++) flags[j] = pc_make_array(&made[1 + j], PC_BOOL, zeros, N);
    start(&ctx, 2);
    const pc_rows rows = {.n = N, .n_keys = 1, .keys = &key, .n_flags = FEW_FLAGS, .flags = flags};
    pc_total_plan plan = pc_total_plan_for(&rows, false);
    plan.has_profile = true;
    plan.expected_groups = MANY_GROUPS;
    pc_total *total = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, total, &rows) == PC_OK);
    EXPECT(pc_total_finish(&ctx, total) == PC_OK);
    EXPECT(pc_total_n_groups(total) > N * 9 / 10 && pc_total_n_cells(total) == pc_total_n_groups(total));
    const int64_t beside = 12 * (int64_t)N + 20 * pc_total_n_cells(total);
    EXPECT(atomic_load(&ctx.memory.peak) < beside + 64 * 1024 * 1024);
    pc_total_free(&ctx, total);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

/* Two batches, the second with more groups; then a merge. */
static pc_status whole_life(pc_context *ctx, void *arg)
{
    columns c;
    const pc_rows *rows = make_columns(&c, arg, 0, 200, true, false);
    pc_total *total = new_state(ctx, rows), *other = new_state(ctx, rows);
    pc_status status = total == NULL || other == NULL ? PC_ERR_MEMORY : PC_OK;
    if (status == PC_OK) status = pc_total_update(ctx, total, rows);
    if (status == PC_OK) status = pc_total_update(ctx, total, make_columns(&c, arg, 200, 300, true, false));
    if (status == PC_OK) status = pc_total_merge(ctx, other, total);
    if (status == PC_OK) status = pc_total_merge(ctx, other, total);
    if (status == PC_OK) status = pc_total_finish(ctx, other);
    if (status == PC_OK) {
        static uint32_t mask[N];
        static int64_t n[N];
        static double weight[N];
        status = pc_total_read_cells(ctx, other, mask, n, weight);
    }
    pc_total_free(ctx, total);
    pc_total_free(ctx, other);
    return status;
}

static void every_allocation_may_fail(void)
{
    static sample s;
    pc_context ctx;
    start(&ctx, 1);
    draw_sample(&s, 6);
    for (int i = 0; i < 200; i++) s.district[i] = 10 + i % 12;
    for (int i = 200; i < 500; i++) s.district[i] = i % 25;
    EXPECT(pc_test_failing_allocator(&ctx, whole_life, &s) > 10);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(cells_equal_the_oracle_whether_packed_or_not_with_the_same_bits),
        CLAIM(batches_whose_groups_grow_give_the_same_bits),
        CLAIM(merged_states_equal_the_oracle),
        CLAIM(the_smallest_bad_row_is_named),
        CLAIM(more_keys_than_can_be_dealt_are_refused),
        CLAIM(groups_may_come_late),
        CLAIM(keys_far_apart_keep_to_the_promised_memory),
        CLAIM(every_allocation_may_fail),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
