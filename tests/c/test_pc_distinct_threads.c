/* Combinations of keys: values on paper, types, chunks, threads, refusals, memory. */
#include "pc_distinct.h"
#include "pc_test.h"

#include <stdlib.h>
#include <string.h>

enum { N = 6 };
static const int64_t stratum[N] = {7, -3, 7, 7, -3, 7};
static const uint8_t psu[N] = {2, 9, 2, 1, 9, 1};

typedef struct keys {
    pc_chunk chunk[2];
    int64_t starts[2][2];
    pc_column column[2];
    const pc_column *both[2];
} keys;

static void make(keys *k, int64_t n, pc_type a, const void *first, pc_type b, const void *second)
{
    const void *data[2] = {first, second};
    const pc_type type[2] = {a, b};
    memset(k, 0, sizeof *k);
    for (int i = 0; i < 2; i++) {
        k->chunk[i] = (pc_chunk){.n = n, .data = data[i], .stride = (int64_t)pc_type_size(type[i])};
        k->starts[i][1] = n;
        k->column[i] = (pc_column){.type = type[i], .n = n, .n_chunks = 1, .chunks = &k->chunk[i],
                                   .starts = k->starts[i]};
        k->both[i] = &k->column[i];
    }
}

static void combinations_come_in_ascending_order_each_once(void)
{
    pc_context ctx;
    keys k;
    int64_t a[3], b[3];
    pc_context_init(&ctx);
    make(&k, N, PC_INT64, stratum, PC_UINT8, psu);
    pc_distinct *d = pc_distinct_new(&ctx, N, 2, k.both);
    if (!EXPECT(d != NULL) || !EXPECT(pc_distinct_count(d) == 3)) return;
    pc_distinct_read(d, 0, a);
    pc_distinct_read(d, 1, b);
    EXPECT(a[0] == -3 && b[0] == 9 && a[1] == 7 && b[1] == 1 && a[2] == 7 && b[2] == 2);
    pc_distinct_free(&ctx, d);
}

static void the_ends_of_the_integers_are_values_too(void)
{
    static const int64_t low[2] = {INT64_MIN, INT64_MIN + 1};
    static const uint64_t high[2] = {UINT64_MAX, UINT64_MAX - 1};
    pc_context ctx;
    keys k;
    int64_t a[2], b[2];
    pc_context_init(&ctx);
    make(&k, 2, PC_INT64, low, PC_UINT64, high);
    pc_distinct *d = pc_distinct_new(&ctx, 2, 2, k.both);
    if (!EXPECT(d != NULL) || !EXPECT(pc_distinct_count(d) == 2)) return;
    pc_distinct_read(d, 0, a);
    pc_distinct_read(d, 1, b);
    EXPECT(a[0] == INT64_MIN && (uint64_t)b[0] == UINT64_MAX);
    EXPECT(a[1] == INT64_MIN + 1 && (uint64_t)b[1] == UINT64_MAX - 1);
    pc_distinct_free(&ctx, d);
}

static void no_rows_have_no_combinations_and_no_keys_have_one(void)
{
    pc_context ctx;
    keys k;
    pc_context_init(&ctx);
    make(&k, 0, PC_INT64, stratum, PC_UINT8, psu);
    pc_distinct *none = pc_distinct_new(&ctx, 0, 2, k.both);
    EXPECT(none != NULL && pc_distinct_count(none) == 0);
    pc_distinct_free(&ctx, none);
    pc_distinct *one = pc_distinct_new(&ctx, N, 0, NULL);
    EXPECT(one != NULL && pc_distinct_count(one) == 1);
    pc_distinct_free(&ctx, one);
}

static void any_number_of_threads_finds_the_same(void)
{
    enum { ROWS = 300007, MOST = 5000 };
    int32_t *a = malloc(ROWS * sizeof *a), *b = malloc(ROWS * sizeof *b);
    static int64_t value[2][2][MOST];
    uint64_t seed = 3;
    if (a == NULL || b == NULL) abort();
    for (int64_t i = 0; i < ROWS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        b[i] = (int32_t)(seed >> 33) % 4000;
        a[i] = b[i] / 40 - 50;
    }
    keys k;
    make(&k, ROWS, PC_INT32, a, PC_INT32, b);
    for (int t = 0; t < 2; t++) {
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.n_threads = t == 0 ? 1 : 7;
        pc_distinct *d = pc_distinct_new(&ctx, ROWS, 2, k.both);
        if (!EXPECT(d != NULL) || !EXPECT(pc_distinct_count(d) == 4000)) break;
        for (int64_t j = 0; j < 2; j++) pc_distinct_read(d, j, value[t][j]);
        pc_distinct_free(&ctx, d);
    }
    EXPECT(memcmp(value[0], value[1], sizeof value[0]) == 0);
    for (int64_t c = 0; c < 4000; c++) EXPECT(value[0][1][c] == c && value[0][0][c] == c / 40 - 50);
    free(a);
    free(b);
}

/* One row far down the file lies outside what the first ones tell. */
static void a_row_outside_the_first_ranges_is_found(void)
{
    enum { ROWS = 70000 };
    static int16_t a[ROWS];
    static uint8_t b[ROWS];
    int64_t first[2], second[2];
    pc_context ctx;
    keys k;
    pc_context_init(&ctx);
    a[ROWS - 1] = -300;
    b[ROWS - 1] = 4;
    make(&k, ROWS, PC_INT16, a, PC_UINT8, b);
    pc_distinct *d = pc_distinct_new(&ctx, ROWS, 2, k.both);
    if (!EXPECT(d != NULL) || !EXPECT(pc_distinct_count(d) == 2)) return;
    pc_distinct_read(d, 0, first);
    pc_distinct_read(d, 1, second);
    EXPECT(first[0] == -300 && second[0] == 4 && first[1] == 0 && second[1] == 0);
    pc_distinct_free(&ctx, d);
}

static pc_status refusal(int64_t n, int64_t n_keys, const pc_column *const *columns)
{
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_distinct_new(&ctx, n, n_keys, columns) == NULL);
    EXPECT(atomic_load(&ctx.memory.n_blocks) == 0);
    return ctx.error.status;
}

static void other_keys_are_refused(void)
{
    static const double real[N] = {0};
    static const int64_t far[N] = {0, (int64_t)1 << 40, 0, 0, 0, 0};
    static const int64_t ends[N] = {INT64_MIN, INT64_MAX, 0, 0, 0, 0};
    static const uint8_t mask[N] = {0, 0, 1, 0, 0, 0};
    const pc_column *many[9];
    keys k;
    make(&k, N, PC_INT64, stratum, PC_FLOAT64, real);
    EXPECT(refusal(N, 2, k.both) == PC_ERR_TYPE);
    EXPECT(refusal(N - 1, 1, k.both) == PC_ERR_LENGTH);
    for (int i = 0; i < 9; i++) many[i] = k.both[0];
    EXPECT(refusal(N, 9, many) == PC_ERR_LIMIT);
    make(&k, N, PC_INT64, far, PC_UINT8, psu);
    EXPECT(refusal(N, 2, k.both) == PC_ERR_LIMIT);
    make(&k, N, PC_INT64, ends, PC_UINT8, psu);
    EXPECT(refusal(N, 2, k.both) == PC_ERR_LIMIT);
    make(&k, N, PC_INT64, stratum, PC_UINT8, psu);
    k.chunk[1].mask = mask;
    k.chunk[1].mask_stride = 1;
    EXPECT(refusal(N, 2, k.both) == PC_ERR_MISSING);
}

static pc_status find(pc_context *ctx, void *arg)
{
    keys *k = arg;
    pc_distinct *d = pc_distinct_new(ctx, N, 2, k->both);
    if (d == NULL) return ctx->error.status;
    EXPECT(pc_distinct_count(d) == 3);
    pc_distinct_free(ctx, d);
    return PC_OK;
}

static void memory_that_runs_out_is_reported_and_given_back(void)
{
    pc_context ctx;
    keys k;
    make(&k, N, PC_INT64, stratum, PC_UINT8, psu);
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_test_failing_allocator(&ctx, find, &k) == 2);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(combinations_come_in_ascending_order_each_once),
        CLAIM(the_ends_of_the_integers_are_values_too),
        CLAIM(no_rows_have_no_combinations_and_no_keys_have_one),
        CLAIM(any_number_of_threads_finds_the_same),
        CLAIM(a_row_outside_the_first_ranges_is_found),
        CLAIM(other_keys_are_refused),
        CLAIM(memory_that_runs_out_is_reported_and_given_back),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
