/* The same household in two periods, beside a comparison of every row with every row. */
#include "pc_panel.h"

#include "pc_made.h"
#include "pc_test.h"

#include <stdlib.h>

enum { N = 700, N_GROUPS = 5, N_STATES = 3, WIDTH = N_STATES + 1, TEXT = 40 };

typedef enum id_kind { ASCENDING, SHUFFLED, TWO_NUMBERS, FAR_NUMBERS, SHORT_TEXT, LONG_TEXT, MIXED, REAL, N_KINDS } id_kind;

/* One side: every form of its ids, groups and states. */
typedef struct made_side {
    int64_t n, id[N], high[N], low[N], far[N], wide[N], offset[N + 1];
    double real[N];
    int32_t group[N];
    int8_t state[N];
    char text[N * TEXT];
    pc_made columns[6];
    pc_chunk text_chunk;
    pc_panel_id ids[2];
    pc_panel_digit digit;
    pc_panel_side side;
} made_side;

/* Ids that take different paths but are equal exactly where these numbers are. */
static void write_ids(made_side *m, id_kind kind)
{
    int64_t at = 0;
    for (int64_t i = 0; i < m->n; i++) {
        m->high[i] = m->id[i] / 10 - 7;
        m->low[i] = m->id[i] % 10;
        m->far[i] = m->high[i] * (INT64_MAX / 40000);
        m->wide[i] = m->low[i] * (INT64_MAX / 40000);
        m->real[i] = (double)m->id[i] / 4;
        m->offset[i] = at;
        at += snprintf(m->text + at, TEXT, kind == SHORT_TEXT ? "%lld" : "household number %lld",
                       (long long)m->id[i]);
    }
    m->offset[m->n] = at;
    pc_make(&m->columns[0], PC_TEXT64, m->offset, 0, m->n);
    m->columns[0].chunk.bytes = (const uint8_t *)m->text;
    m->columns[0].chunk.n_bytes = at;
    pc_make_array(&m->columns[1], PC_INT64, m->id, m->n);
    pc_make_array(&m->columns[2], PC_INT64, kind == FAR_NUMBERS ? m->far : m->high, m->n);
    pc_make_array(&m->columns[3], PC_INT64, kind == FAR_NUMBERS ? m->wide : m->low, m->n);
    pc_make_array(&m->columns[4], PC_FLOAT64, m->real, m->n);
}

static void take_ids(made_side *m, id_kind kind)
{
    static const int first[N_KINDS] = {1, 1, 2, 2, 0, 0, 3, 4};
    m->ids[0] = (pc_panel_id){&m->columns[first[kind]].column, false, 0};
    m->ids[1] = (pc_panel_id){&m->columns[kind == MIXED ? 0 : 3].column, false, 0};
    m->side.n_ids = kind == TWO_NUMBERS || kind == FAR_NUMBERS || kind == MIXED ? 2 : 1;
}

static int by_number(const void *x, const void *y)
{
    const int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static void draw_side(made_side *m, int64_t n, id_kind kind, int is_later, pc_draws *draws)
{
    m->n = n;
    for (int64_t i = 0; i < n; i++) {
        m->id[i] = i * 2 + pc_draw_below(draws, 2);
        m->group[i] = (int32_t)pc_draw_below(draws, N_GROUPS) + 100;
        m->state[i] = (int8_t)(pc_draw_below(draws, WIDTH) - 1);
    }
    for (int64_t i = n - 1; kind != ASCENDING && i > 0; i--) {
        const int64_t j = pc_draw_below(draws, i + 1), swapped = m->id[i];
        m->id[i] = m->id[j];
        m->id[j] = swapped;
    }
    if (kind == ASCENDING) qsort(m->id, (size_t)n, sizeof *m->id, by_number);
    m->side = (pc_panel_side){.ids_name = is_later ? "id_to" : "id_from",
                              .keys_name = is_later ? "key_to" : "key_from"};
    m->side.n = n;
    write_ids(m, kind);
    take_ids(m, kind);
    m->side.ids = m->ids;
    static pc_made groups[2], states[2];
    m->digit = (pc_panel_digit){pc_make_array(&groups[is_later], PC_INT32, m->group, n), 100,
                                N_GROUPS, 1, NULL};
    m->side.digits = &m->digit;
    m->side.n_digits = 1;
    m->side.state = (pc_panel_digit){pc_make_array(&states[is_later], PC_INT8, m->state, n), 0,
                                     N_STATES, 1, NULL};
}

typedef struct answer {
    int64_t moves[N_GROUPS * WIDTH * WIDTH], left[N_GROUPS * WIDTH], came[N_GROUPS * WIDTH];
    int64_t to[N], from[N];
} answer;

static int64_t state_of(const made_side *m, int64_t i)
{
    return m->state[i] < 0 ? N_STATES : m->state[i];
}

/* Every row with every row. */
static void compare_all(const made_side *a, const made_side *b, answer *right)
{
    memset(right, 0, sizeof *right);
    for (int64_t j = 0; j < b->n; j++) right->from[j] = -1;
    for (int64_t i = 0; i < a->n; i++) {
        const int64_t cell = (a->group[i] - 100) * WIDTH + state_of(a, i);
        right->to[i] = -1;
        for (int64_t j = 0; j < b->n; j++)
            if (a->id[i] == b->id[j]) {
                right->to[i] = j;
                right->from[j] = i;
                right->moves[cell * WIDTH + state_of(b, j)]++;
            }
        if (right->to[i] < 0) right->left[cell]++;
    }
    for (int64_t j = 0; j < b->n; j++)
        if (right->from[j] < 0) right->came[(b->group[j] - 100) * WIDTH + state_of(b, j)]++;
}

static pc_status ask(pc_context *ctx, const pc_panel_side side[2], answer *found)
{
    const pc_panel_counts counts = {N_GROUPS, N_STATES, found->moves, found->left, found->came};
    int64_t *const partner[2] = {found->to, found->from};
    pc_status status = pc_panel_count(ctx, side, &counts);
    if (status == PC_OK) status = pc_panel_match(ctx, side, partner);
    return status;
}

static void expect_answer(const made_side *a, const made_side *b, int n_threads)
{
    static answer right, found;
    const pc_panel_side side[2] = {a->side, b->side};
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = n_threads;
    compare_all(a, b, &right);
    if (!EXPECT(ask(&ctx, side, &found) == PC_OK)) return;
    EXPECT(memcmp(found.moves, right.moves, sizeof right.moves) == 0);
    EXPECT(memcmp(found.left, right.left, sizeof right.left) == 0);
    EXPECT(memcmp(found.came, right.came, sizeof right.came) == 0);
    EXPECT(memcmp(found.to, right.to, (size_t)a->n * sizeof *right.to) == 0);
    EXPECT(memcmp(found.from, right.from, (size_t)b->n * sizeof *right.from) == 0);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void three_households_on_paper(void)
{
    static made_side a, b;
    static answer found;
    pc_context ctx;
    pc_draws draws = {1};
    pc_context_init(&ctx);
    draw_side(&a, 3, ASCENDING, 0, &draws);
    draw_side(&b, 2, ASCENDING, 1, &draws);
    const int64_t ids_a[] = {1, 5, 9}, ids_b[] = {9, 1};
    const int8_t states_a[] = {0, 1, 2}, states_b[] = {2, 1};
    memcpy(a.id, ids_a, sizeof ids_a);
    memcpy(b.id, ids_b, sizeof ids_b);
    memcpy(a.state, states_a, sizeof states_a);
    memcpy(b.state, states_b, sizeof states_b);
    for (int i = 0; i < 3; i++) a.group[i] = b.group[i] = 100;
    const pc_panel_side side[2] = {a.side, b.side};
    if (!EXPECT(ask(&ctx, side, &found) == PC_OK)) return;
    EXPECT(found.to[0] == 1 && found.to[1] == -1 && found.to[2] == 0);
    EXPECT(found.from[0] == 2 && found.from[1] == 0);
    EXPECT(found.moves[0 * WIDTH + 1] == 1 && found.moves[2 * WIDTH + 2] == 1);
    EXPECT(found.left[1] == 1 && found.left[0] == 0 && found.came[1] == 0);
}

static void every_kind_of_id_equals_comparing_all_rows(void)
{
    static made_side a, b;
    pc_draws draws = {2};
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int64_t n = 0; n <= N; n = n < 2 ? n + 1 : n * 8) {
            draw_side(&a, n, (id_kind)kind, 0, &draws);
            draw_side(&b, kind % 2 == 0 ? n : n / 2, (id_kind)kind, 1, &draws);
            for (int n_threads = 1; n_threads <= 3; n_threads++) expect_answer(&a, &b, n_threads);
        }
}

static void rows_of_one_period_of_a_long_file_are_matched(void)
{
    static made_side a, b, both;
    static answer right, found;
    static int64_t year[N];
    static pc_made period;
    pc_draws draws = {3};
    pc_context ctx;
    pc_context_init(&ctx);
    draw_side(&a, N / 2, SHUFFLED, 0, &draws);
    draw_side(&b, N / 2, SHUFFLED, 1, &draws);
    draw_side(&both, N, SHUFFLED, 0, &draws);
    for (int64_t i = 0; i < N; i++) {
        const made_side *one = i % 2 == 0 ? &a : &b;
        both.id[i] = one->id[i / 2];
        both.group[i] = one->group[i / 2];
        both.state[i] = one->state[i / 2];
        year[i] = 2021 + i % 2;
    }
    pc_panel_side side[2] = {both.side, both.side};
    side[0].period = side[1].period = pc_make_array(&period, PC_INT64, year, N);
    side[0].value = 2021;
    side[1].value = 2022;
    compare_all(&a, &b, &right);
    if (!EXPECT(ask(&ctx, side, &found) == PC_OK)) return;
    EXPECT(memcmp(found.moves, right.moves, sizeof right.moves) == 0);
    EXPECT(memcmp(found.came, right.came, sizeof right.came) == 0);
    for (int64_t i = 0; i < N; i++) {
        const int64_t to = i % 2 == 0 ? right.to[i / 2] : -1, from = i % 2 ? right.from[i / 2] : -1;
        EXPECT(found.to[i] == (to < 0 ? -1 : 2 * to + 1));
        EXPECT(found.from[i] == (from < 0 ? -1 : 2 * from));
    }
}

static void an_id_that_stands_twice_is_named_by_side_and_row(void)
{
    static made_side a, b;
    static answer found;
    pc_draws draws = {4};
    for (int kind = SHUFFLED; kind < N_KINDS; kind++)
        for (int s = 0; s < 2; s++)
            for (int is_matched = 0; is_matched <= s; is_matched++) {
                pc_context ctx;
                pc_context_init(&ctx);
                draw_side(&a, N, (id_kind)kind, 0, &draws);
                draw_side(&b, N, (id_kind)kind, 1, &draws);
                made_side *m = s == 0 ? &a : &b;
                m->id[11] = m->id[600] = is_matched ? a.id[3] : 100001;
                m->id[650] = m->id[20];
                for (int64_t j = 0; is_matched && j < N; j++)
                    if (j != 11 && j != 600 && m->id[j] == a.id[3]) m->id[j] = 200000;
                write_ids(m, (id_kind)kind);
                take_ids(m, (id_kind)kind);
                const pc_panel_side side[2] = {a.side, b.side};
                EXPECT(ask(&ctx, side, &found) == PC_ERR_VALUE);
                EXPECT(ctx.error.index == 600);
                EXPECT(strcmp(ctx.error.argument, s == 0 ? "id_from" : "id_to") == 0);
                EXPECT(strstr(ctx.error.message, "row 11 ") != NULL);
                EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            }
}

static void a_missing_id_or_group_is_named_by_side_and_row(void)
{
    static made_side a, b;
    static answer found;
    static uint8_t mask[N];
    pc_draws draws = {5};
    for (int kind = 0; kind < N_KINDS; kind++) {
        pc_context ctx;
        pc_context_init(&ctx);
        draw_side(&a, N, (id_kind)kind, 0, &draws);
        draw_side(&b, N, (id_kind)kind, 1, &draws);
        mask[37] = mask[500] = 1;
        for (int c = 0; c < 5; c++) {
            b.columns[c].chunk.mask = mask;
            b.columns[c].chunk.mask_stride = 1;
        }
        const pc_panel_side side[2] = {a.side, b.side};
        EXPECT(ask(&ctx, side, &found) == PC_ERR_MISSING);
        EXPECT(ctx.error.index == 37 && strcmp(ctx.error.argument, "id_to") == 0);
        draw_side(&b, N, (id_kind)kind, 1, &draws);
        a.group[9] = 99;
        const pc_panel_side again[2] = {a.side, b.side};
        EXPECT(ask(&ctx, again, &found) == PC_ERR_MISSING);
        EXPECT(ctx.error.index == 9 && strcmp(ctx.error.argument, "key_from") == 0);
    }
}

static void a_code_that_stands_for_missing_is_missing(void)
{
    static made_side a, b;
    static answer found;
    pc_draws draws = {6};
    pc_context ctx;
    pc_context_init(&ctx);
    draw_side(&a, N, ASCENDING, 0, &draws);
    draw_side(&b, N, ASCENDING, 1, &draws);
    a.ids[0].has_missing_code = true;
    a.ids[0].missing_code = a.id[77];
    const pc_panel_side side[2] = {a.side, b.side};
    EXPECT(ask(&ctx, side, &found) == PC_ERR_MISSING);
    EXPECT(ctx.error.index == 77);
}

static void numbers_of_different_widths_are_equal_as_numbers(void)
{
    static const uint64_t wide[] = {5, UINT64_MAX, 7};
    static const int8_t narrow[] = {-1, 7, 5};
    pc_made columns[2];
    pc_context ctx;
    int64_t to[3], from[3];
    int64_t *const partner[2] = {to, from};
    pc_context_init(&ctx);
    const pc_panel_id ids[2] = {{pc_make_array(&columns[0], PC_UINT64, wide, 3), false, 0},
                                {pc_make_array(&columns[1], PC_INT8, narrow, 3), false, 0}};
    const pc_panel_side side[2] = {
        {.ids_name = "id_from", .keys_name = "key_from", .n = 3, .n_ids = 1, .ids = &ids[0]},
        {.ids_name = "id_to", .keys_name = "key_to", .n = 3, .n_ids = 1, .ids = &ids[1]}};
    if (!EXPECT(pc_panel_match(&ctx, side, partner) == PC_OK)) return;
    EXPECT(to[0] == 2 && to[1] == -1 && to[2] == 1);
    EXPECT(from[0] == -1 && from[1] == 2 && from[2] == 0);
}

static void text_and_numbers_do_not_match(void)
{
    static made_side a, b;
    static answer found;
    pc_draws draws = {7};
    pc_context ctx;
    pc_context_init(&ctx);
    draw_side(&a, N, SHUFFLED, 0, &draws);
    draw_side(&b, N, SHORT_TEXT, 1, &draws);
    const pc_panel_side side[2] = {a.side, b.side};
    EXPECT(ask(&ctx, side, &found) == PC_ERR_TYPE);
}

typedef struct pair {
    made_side a, b;
} pair;

static pc_status ask_pair(pc_context *ctx, void *arg)
{
    static answer found;
    const pair *p = arg;
    const pc_panel_side side[2] = {p->a.side, p->b.side};
    return ask(ctx, side, &found);
}

static pc_status ask_codes(pc_context *ctx, void *arg)
{
    static uint32_t code[N];
    const pair *p = arg;
    const pc_column *keys[2] = {&p->a.columns[0].column, &p->a.columns[2].column};
    pc_group *group = pc_panel_codes(ctx, keys, 2, N, false, code);
    const pc_status status = group == NULL ? ctx->error.status : PC_OK;
    pc_group_free(ctx, group);
    return status;
}

static void memory_that_runs_out_is_given_back(void)
{
    static pair p;
    pc_draws draws = {8};
    for (int kind = ASCENDING; kind <= LONG_TEXT; kind++) {
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.n_threads = 1;
        draw_side(&p.a, N, (id_kind)kind, 0, &draws);
        draw_side(&p.b, N, (id_kind)kind, 1, &draws);
        EXPECT(pc_test_failing_allocator(&ctx, ask_pair, &p) >= (kind == ASCENDING ? 1 : 10));
        EXPECT(pc_test_failing_allocator(&ctx, ask_codes, &p) > 4);
    }
}

static void a_stop_is_heeded(void)
{
    static pair p;
    pc_draws draws = {9};
    for (int kind = ASCENDING; kind <= SHUFFLED; kind++) {
        pc_context ctx;
        pc_context_init(&ctx);
        draw_side(&p.a, N, (id_kind)kind, 0, &draws);
        draw_side(&p.b, N, (id_kind)kind, 1, &draws);
        atomic_store(&ctx.stop, 1);
        EXPECT(ask_pair(&ctx, &p) == PC_ERR_INTERRUPTED);
        EXPECT(ask_codes(&ctx, &p) == PC_ERR_INTERRUPTED);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
}

/* ---- many rows ------------------------------------------------------------------------------- */

enum { MANY = 600000 };

typedef struct big {
    int64_t *id[2];
    int32_t *group;
    int8_t *state;
    pc_made columns[5];
    pc_panel_id ids[2];
    pc_panel_digit digit;
    pc_panel_side side[2];
} big;

static bool make_big(big *m, bool is_shuffled, uint32_t n_groups)
{
    pc_draws draws = {10};
    memset(m, 0, sizeof *m);
    m->group = malloc(MANY * sizeof *m->group);
    m->state = malloc(MANY);
    for (int s = 0; s < 2; s++) m->id[s] = malloc(MANY * sizeof *m->id[s]);
    if (!EXPECT(m->group && m->state && m->id[0] && m->id[1])) return false;
    for (int64_t i = 0; i < MANY; i++) {
        m->group[i] = (int32_t)pc_draw_below(&draws, n_groups);
        m->state[i] = (int8_t)(i % 3);
        m->id[0][i] = 3 * i;
        m->id[1][i] = i % 10 == 0 ? 3 * i + 1 : 3 * i;
    }
    for (int64_t i = MANY - 1; is_shuffled && i > 0; i--) {
        const int64_t j = pc_draw_below(&draws, i + 1), swapped = m->id[1][i];
        m->id[1][i] = m->id[1][j];
        m->id[1][j] = swapped;
    }
    m->digit = (pc_panel_digit){pc_make_array(&m->columns[2], PC_INT32, m->group, MANY), 0, n_groups,
                                1, NULL};
    for (int s = 0; s < 2; s++) {
        m->ids[s].column = pc_make_array(&m->columns[s], PC_INT64, m->id[s], MANY);
        m->side[s] = (pc_panel_side){.ids_name = "id", .keys_name = "key", .n = MANY, .n_ids = 1,
                                     .ids = &m->ids[s], .n_digits = 1, .digits = &m->digit};
        m->side[s].state = (pc_panel_digit){pc_make_array(&m->columns[3], PC_INT8, m->state, MANY), 0,
                                            3, 1, NULL};
    }
    return true;
}

static void free_big(big *m)
{
    free(m->group);
    free(m->state);
    free(m->id[0]);
    free(m->id[1]);
}

/* Few groups have a table per lane, many share one. */
static void many_rows_and_threads_give_the_same_counts(void)
{
    for (int is_shuffled = 0; is_shuffled <= 1; is_shuffled++)
        for (uint32_t n_groups = 7; n_groups <= 100007; n_groups += 100000) {
            big m;
            const size_t cells = (size_t)n_groups * 16;
            int64_t *one = calloc(cells + 2 * cells, sizeof *one);
            int64_t *two = calloc(cells + 2 * cells, sizeof *two);
            if (EXPECT(make_big(&m, is_shuffled, n_groups) && one && two)) {
                for (int n_threads = 1; n_threads <= 4; n_threads += 3) {
                    int64_t *out = n_threads == 1 ? one : two, sum = 0;
                    const pc_panel_counts counts = {n_groups, 3, out, out + cells, out + 2 * cells};
                    pc_context ctx;
                    pc_context_init(&ctx);
                    ctx.n_threads = n_threads;
                    EXPECT(pc_panel_count(&ctx, m.side, &counts) == PC_OK);
                    for (size_t c = 0; c < cells; c++) sum += out[c];
                    EXPECT(sum == MANY - MANY / 10);
                }
                EXPECT(memcmp(one, two, 3 * cells * sizeof *one) == 0);
            }
            free(one);
            free(two);
            free_big(&m);
        }
}

/* Ids that differ in their highest bit only are two households. */
static void numbers_of_the_whole_range_are_told_apart(void)
{
    big m;
    static int64_t out[7 * 16 * 3];
    const pc_panel_counts counts = {7, 3, out, out + 7 * 16, out + 14 * 16};
    pc_context ctx;
    int64_t sum = 0;
    pc_context_init(&ctx);
    if (EXPECT(make_big(&m, true, 7))) {
        for (int64_t i = 0; i < MANY; i++)
            if (m.id[1][i] % 3 == 1) m.id[1][i] = (int64_t)((uint64_t)(m.id[1][i] - 1) ^ PC_TOP_BIT);
        EXPECT(pc_panel_count(&ctx, m.side, &counts) == PC_OK);
        for (int64_t c = 0; c < 7 * 16; c++) sum += out[c];
        EXPECT(sum == MANY - MANY / 10);
    }
    free_big(&m);
}

static void matching_takes_sixteen_bytes_a_row_of_both_sides(void)
{
    big m;
    static int64_t out[7 * 16 * 3];
    const pc_panel_counts counts = {7, 3, out, out + 7 * 16, out + 14 * 16};
    for (int is_shuffled = 0; is_shuffled <= 1; is_shuffled++) {
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.n_threads = 2;
        if (EXPECT(make_big(&m, is_shuffled, 7))) {
            EXPECT(pc_panel_count(&ctx, m.side, &counts) == PC_OK);
            const int64_t peak = atomic_load(&ctx.memory.peak);
            EXPECT(peak < (is_shuffled ? 2 * 16 * (int64_t)MANY : 0) + (4 << 20));
        }
        free_big(&m);
    }
}

static void codes_are_equal_exactly_where_keys_are(void)
{
    big m;
    uint32_t *one = malloc(MANY * sizeof *one), *two = malloc(MANY * sizeof *two);
    int64_t first[1000];
    for (int k = 0; k < 1000; k++) first[k] = -1;
    if (EXPECT(make_big(&m, true, 300) && one && two)) {
        const pc_column *keys[2] = {&m.columns[2].column, &m.columns[3].column};
        for (int n_threads = 1; n_threads <= 4; n_threads += 3) {
            pc_context ctx;
            pc_context_init(&ctx);
            ctx.n_threads = n_threads;
            pc_group *group = pc_panel_codes(&ctx, keys, 2, MANY, false, n_threads == 1 ? one : two);
            if (!EXPECT(group != NULL)) break;
            EXPECT(pc_group_n_codes(group, 0) == 900);
            bool is_missing = true;
            EXPECT(pc_group_key_value(group, 0, one[17], 0, &is_missing) == m.group[17] && !is_missing);
            pc_group_free(&ctx, group);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
        }
        EXPECT(memcmp(one, two, MANY * sizeof *one) == 0);
        for (int64_t i = 0; i < MANY; i++) {
            const int64_t key = m.group[i] * 3 + m.state[i];
            if (first[key] < 0) first[key] = one[i];
            if (!EXPECT(first[key] == one[i])) break;
        }
    }
    free(one);
    free(two);
    free_big(&m);
}

static void ranges_are_of_all_columns(void)
{
    static const int8_t one[] = {4, -3};
    static const uint32_t two[] = {9, 1};
    pc_made columns[2];
    pc_context ctx;
    int64_t low, high;
    pc_context_init(&ctx);
    const pc_column *both[2] = {pc_make_array(&columns[0], PC_INT8, one, 2),
                                pc_make_array(&columns[1], PC_UINT32, two, 2)};
    EXPECT(pc_panel_range(&ctx, 2, both, &low, &high) == PC_OK && low == -3 && high == 9);
    EXPECT(pc_panel_range(&ctx, 0, both, &low, &high) == PC_OK && low > high);
}

static void more_states_than_fit_are_refused(void)
{
    static made_side m[2];
    static const int64_t n_states[] = {0, PC_PANEL_MOST_STATES + 1, INT64_MAX};
    pc_draws draws = {7};
    pc_context ctx;
    pc_context_init(&ctx);
    for (int s = 0; s < 2; s++) draw_side(&m[s], 5, SHUFFLED, s, &draws);
    const pc_panel_side side[2] = {m[0].side, m[1].side};
    for (int k = 0; k < 3; k++) {
        const pc_panel_counts counts = {1, n_states[k], NULL, NULL, NULL};
        EXPECT(pc_panel_count(&ctx, side, &counts) == PC_ERR_LIMIT);
        EXPECT(strcmp(ctx.error.argument, "state") == 0);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(three_households_on_paper),
        CLAIM(every_kind_of_id_equals_comparing_all_rows),
        CLAIM(rows_of_one_period_of_a_long_file_are_matched),
        CLAIM(numbers_of_different_widths_are_equal_as_numbers),
        CLAIM(many_rows_and_threads_give_the_same_counts),
        CLAIM(numbers_of_the_whole_range_are_told_apart),
        CLAIM(matching_takes_sixteen_bytes_a_row_of_both_sides),
        CLAIM(codes_are_equal_exactly_where_keys_are),
        CLAIM(ranges_are_of_all_columns),
        CLAIM(more_states_than_fit_are_refused),
        CLAIM(an_id_that_stands_twice_is_named_by_side_and_row),
        CLAIM(a_missing_id_or_group_is_named_by_side_and_row),
        CLAIM(a_code_that_stands_for_missing_is_missing),
        CLAIM(text_and_numbers_do_not_match),
        CLAIM(memory_that_runs_out_is_given_back),
        CLAIM(a_stop_is_heeded),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
