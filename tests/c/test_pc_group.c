/* Keys to codes: equal codes exactly for equal keys, by table, dictionary and any mix of key types. */
#include "pc_group.h"
#include "pc_made.h"
#include "pc_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 3000, N_KEYS = 4, NARROW = 0, FAR = 1, REAL = 2, TEXT = 3 };

/* Four columns with few distinct values each; what stands in row i is known by number[k][i]. */
typedef struct keys {
    int64_t number[N_KEYS][N];
    uint8_t narrow[N];
    int64_t far[N];
    double real[N];
    int32_t offset[N + 1];
    char text[40 * N];
    pc_made made[N_KEYS];
    const pc_column *column[N_KEYS];
} keys;

static keys *make_keys(uint64_t seed)
{
    keys *k = calloc(1, sizeof *k);
    pc_draws draws = {seed};
    if (k == NULL) abort();
    for (int64_t i = 0; i < N; i++) {
        const bool repeats = i > 0 && pc_draw_below(&draws, 3) == 0; /* registers come in runs */
        for (int j = 0; j < N_KEYS; j++)
            k->number[j][i] = repeats ? k->number[j][i - 1] : pc_draw_below(&draws, 5);
        k->narrow[i] = (uint8_t)(200 + 3 * k->number[NARROW][i]);
        k->far[i] = k->number[FAR][i] == 0 ? INT64_MIN : k->number[FAR][i] * 1000000007;
        k->real[i] = 2021.5 + (double)k->number[REAL][i];
        const int length = snprintf(k->text + k->offset[i], 40, "%s%d",
                                    k->number[TEXT][i] % 2 ? "x" : "a text of many bytes ",
                                    (int)k->number[TEXT][i]);
        k->offset[i + 1] = k->offset[i] + length;
    }
    k->column[NARROW] = pc_make_array(&k->made[NARROW], PC_UINT8, k->narrow, N);
    k->column[FAR] = pc_make_array(&k->made[FAR], PC_INT64, k->far, N);
    k->column[REAL] = pc_make_array(&k->made[REAL], PC_FLOAT64, k->real, N);
    k->column[TEXT] = pc_make(&k->made[TEXT], PC_TEXT32, k->offset, 0, N);
    k->made[TEXT].chunk.bytes = (const uint8_t *)k->text;
    k->made[TEXT].chunk.n_bytes = k->offset[N];
    return k;
}

/* Codes of all rows with the keys whose bits are set, in one lane. */
static pc_group *encode(pc_context *ctx, const keys *k, unsigned which, int64_t most_table,
                        bool keep_missing, uint32_t *code, pc_error *err)
{
    pc_group_key key[N_KEYS] = {{0}};
    pc_group_scheme scheme = {.key = key, .keep_missing = keep_missing};
    const pc_column *columns[N_KEYS];
    for (int j = 0; j < N_KEYS; j++)
        if (which >> j & 1) columns[scheme.n_keys++] = k->column[j];
    if (pc_group_scan(ctx, &scheme, columns, N, most_table) != PC_OK) return NULL;
    pc_group *group = pc_group_new(ctx, &scheme, 2);
    for (int64_t row = 0; group != NULL && row < N; row += 700) {
        const int64_t n = N - row < 700 ? N - row : 700;
        if (pc_group_block(ctx, group, 0, columns, row, n, 0, code + row, err) != PC_OK) {
            pc_group_free(ctx, group);
            return NULL;
        }
    }
    return group;
}

static bool same_keys(const keys *k, unsigned which, int64_t i, int64_t j)
{
    for (int c = 0; c < N_KEYS; c++)
        if ((which >> c & 1) && k->number[c][i] != k->number[c][j]) return false;
    return true;
}

static void equal_codes_mean_equal_keys_for_every_mix(void)
{
    static uint32_t code[N];
    keys *k = make_keys(1);
    for (unsigned which = 0; which < 16; which++)
        for (int64_t most_table = 0; most_table <= 100000; most_table += 100000) {
            pc_context ctx;
            pc_error err;
            pc_context_init(&ctx);
            pc_group *group = encode(&ctx, k, which, most_table, false, code, &err);
            if (!EXPECT(group != NULL)) continue;
            const int64_t n_codes = pc_group_n_codes(group, 0);
            int64_t first[625];
            for (int64_t c = 0; c < 625; c++) first[c] = -1;
            for (int64_t i = 0; i < N; i++) {
                if (!EXPECT(code[i] < n_codes && code[i] < 625)) break;
                if (first[code[i]] < 0) first[code[i]] = i;
                EXPECT(same_keys(k, which, i, first[code[i]]));
            }
            for (int64_t c = 0; c < 625; c++) /* two codes never have the same keys */
                for (int64_t d = 0; d < c; d++)
                    if (first[c] >= 0 && first[d] >= 0)
                        EXPECT(!same_keys(k, which, first[c], first[d]));
            EXPECT(group->scheme.is_table == (most_table > 0 && (which & ~1u) == 0));
            pc_group_free(&ctx, group);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
        }
    free(k);
}

static void a_code_tells_its_keys(void)
{
    static uint32_t code[N];
    keys *k = make_keys(2);
    pc_context ctx;
    pc_error err;
    pc_context_init(&ctx);
    pc_group *group = encode(&ctx, k, 15, 0, false, code, &err);
    for (int64_t i = 0; group != NULL && i < N; i++) {
        bool missing;
        EXPECT(pc_group_key_value(group, 0, code[i], 0, &missing) == k->narrow[i] && !missing);
        EXPECT(pc_group_key_value(group, 0, code[i], 1, &missing) == k->far[i] && !missing);
        const int64_t real_row = pc_group_key_value(group, 0, code[i], 2, &missing);
        EXPECT(real_row <= i && k->real[real_row] == k->real[i]);
        const int64_t text_row = pc_group_key_value(group, 0, code[i], 3, &missing);
        EXPECT(text_row <= i && k->number[TEXT][text_row] == k->number[TEXT][i]);
    }
    pc_group_free(&ctx, group);
    free(k);
}

static void many_codes_tell_their_keys_as_one_by_one(void)
{
    static uint32_t code[N];
    keys *k = make_keys(4);
    for (unsigned which = 1; which < 64; which++) {
        const int64_t most_table = which & 16 ? 100000 : 0;
        pc_context ctx;
        pc_error err;
        int64_t value[2000];
        uint8_t missing[2000];
        pc_context_init(&ctx);
        if ((which & 15) == 0) continue;
        pc_group *group = encode(&ctx, k, which & 15, most_table, (which & 32) != 0, code, &err);
        if (!EXPECT(group != NULL && pc_group_n_codes(group, 0) <= 2000)) continue;
        const int64_t n = pc_group_n_codes(group, 0);
        for (int64_t j = 0; j < group->scheme.n_keys; j++) {
            pc_group_key_values(group, 0, n, NULL, j, value, missing);
            for (int64_t c = 0; c < n; c++) {
                bool is_missing;
                EXPECT(value[c] == pc_group_key_value(group, 0, c, j, &is_missing));
                EXPECT(missing[c] == is_missing);
            }
        }
        pc_group_free(&ctx, group);
    }
    free(k);
}

static void groups_keep_their_keys_when_they_change_lanes(void)
{
    static uint32_t code[N];
    keys *k = make_keys(3);
    for (unsigned which = 1; which < 16; which++) {
        pc_context ctx;
        pc_error err;
        int64_t map[625];
        pc_context_init(&ctx);
        pc_group *group = encode(&ctx, k, which, 100000, false, code, &err);
        if (!EXPECT(group != NULL && pc_group_n_codes(group, 0) <= 625)) continue;
        EXPECT(pc_group_transfer(&ctx, group, 0, NULL, 10, group, 1, map) == PC_OK);
        for (int64_t c = 0; c < pc_group_n_codes(group, 0); c++)
            for (int64_t j = 0; j < group->scheme.n_keys; j++) {
                bool a_missing, b_missing;
                const int64_t a = pc_group_key_value(group, 0, c, j, &a_missing);
                const int64_t b = pc_group_key_value(group, 1, map[c], j, &b_missing);
                const bool is_row = !pc_type_is_integer(group->scheme.key[j].type);
                EXPECT(a_missing == b_missing && b == a + (is_row ? 10 : 0));
            }
        pc_group_free(&ctx, group);
    }
    free(k);
}

static void a_missing_key_is_an_error_or_a_group(void)
{
    static uint32_t code[N];
    static uint8_t mask[N];
    for (int j = 0; j < N_KEYS; j++) {
        keys *k = make_keys(4);
        pc_context ctx;
        pc_error err = {PC_OK, -1, -1, "", ""};
        pc_context_init(&ctx);
        memset(mask, 0, sizeof mask);
        mask[2500] = mask[1234] = 1;
        k->made[j].chunk.mask = mask;
        k->made[j].chunk.mask_stride = 1;
        EXPECT(encode(&ctx, k, 1u << j, 100000, false, code, &err) == NULL);
        EXPECT(err.status == PC_ERR_MISSING && err.index == 1234 && err.which == 0);
        pc_group *group = encode(&ctx, k, 1u << j, 100000, true, code, &err);
        if (EXPECT(group != NULL)) {
            bool missing = false;
            EXPECT(code[1234] == code[2500]);
            pc_group_key_value(group, 0, code[1234], 0, &missing);
            EXPECT(missing);
            for (int64_t i = 0; i < N; i++)
                if (!mask[i]) EXPECT(code[i] != code[1234]);
        }
        pc_group_free(&ctx, group);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
        free(k);
    }
}

/* Another thread may write to a key after its range was found: no code may leave the table. */
static void a_key_that_changed_after_the_scan_is_refused(void)
{
    keys *k = make_keys(5);
    pc_group_key key = {0};
    pc_group_scheme scheme = {.n_keys = 1, .key = &key};
    uint32_t code[N];
    pc_error err;
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_group_scan(&ctx, &scheme, k->column, N, 1000) == PC_OK);
    pc_group *group = pc_group_new(&ctx, &scheme, 1);
    k->narrow[99] = 7;
    EXPECT(pc_group_block(&ctx, group, 0, k->column, 0, 500, 0, code, &err) == PC_ERR_GROUP);
    pc_group_free(&ctx, group);
    free(k);
}

static void too_many_keys_and_changed_types_are_refused(void)
{
    keys *k = make_keys(6);
    pc_group_key key[PC_MAX_KEYS + 1] = {{0}};
    const pc_column *columns[PC_MAX_KEYS + 1];
    pc_group_scheme scheme = {.n_keys = PC_MAX_KEYS + 1, .key = key};
    pc_context ctx;
    pc_context_init(&ctx);
    for (int j = 0; j <= PC_MAX_KEYS; j++) columns[j] = k->column[NARROW];
    EXPECT(pc_group_scan(&ctx, &scheme, columns, N, 1000) == PC_ERR_LIMIT);
    scheme.n_keys = PC_MAX_KEYS; /* 13^32 combinations: not all of them digits of one number */
    EXPECT(pc_group_scan(&ctx, &scheme, columns, N, 1000) == PC_OK);
    EXPECT(!scheme.is_table && key[PC_MAX_KEYS - 1].is_word && !key[0].is_word);
    scheme.n_keys = 1;
    EXPECT(pc_group_scan(&ctx, &scheme, &k->column[TEXT], N, 1000) == PC_ERR_TYPE);
    free(k);
}

static bool always(void *host)
{
    (void)host;
    return true;
}

/* Ten million groups take seconds: the host is asked while they move. */
static void moving_groups_stops_when_the_host_asks(void)
{
    static uint32_t code[N];
    int64_t map[625];
    keys *k = make_keys(8);
    pc_context ctx;
    pc_error err;
    pc_context_init(&ctx);
    pc_group *group = encode(&ctx, k, 15, 1000, false, code, &err);
    if (!EXPECT(group != NULL)) return;
    ctx.should_stop = always;
    ctx.next_poll_ns = 1;
    EXPECT(pc_group_transfer(&ctx, group, 0, NULL, 0, group, 1, map) == PC_ERR_INTERRUPTED);
    EXPECT(ctx.error.status == PC_ERR_INTERRUPTED);
    pc_group_free(&ctx, group);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    free(k);
}

static pc_status encode_and_move(pc_context *ctx, void *arg)
{
    static uint32_t code[N];
    int64_t map[625];
    pc_error err = {PC_OK, -1, -1, "", ""};
    pc_group *group = encode(ctx, arg, 15, 1000, false, code, &err);
    if (group == NULL) return PC_ERR_MEMORY;
    const pc_status status = pc_group_transfer(ctx, group, 0, NULL, 0, group, 1, map);
    pc_group_free(ctx, group);
    return status;
}

static void every_allocation_may_fail(void)
{
    keys *k = make_keys(7);
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_test_failing_allocator(&ctx, encode_and_move, k) > 10);
    free(k);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(equal_codes_mean_equal_keys_for_every_mix),
        CLAIM(a_code_tells_its_keys),
        CLAIM(many_codes_tell_their_keys_as_one_by_one),
        CLAIM(groups_keep_their_keys_when_they_change_lanes),
        CLAIM(a_missing_key_is_an_error_or_a_group),
        CLAIM(a_key_that_changed_after_the_scan_is_refused),
        CLAIM(too_many_keys_and_changed_types_are_refused),
        CLAIM(moving_groups_stops_when_the_host_asks),
        CLAIM(every_allocation_may_fail),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
