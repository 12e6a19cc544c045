#include "pc_deal.h"
#include "pc_made.h"
#include "pc_parallel.h"
#include "pc_test.h"

#include <stdlib.h>

/* Rows with hot keys (some of them more than 1,024 times, one exactly 2,048 times) and rare ones. */
enum { N = 60000, N_KEYS = 5 * 32768 + 77 };

typedef struct rows {
    uint32_t key[N];
    double weight[N];
} rows;

static void draw_rows(rows *r, uint64_t seed)
{
    pc_draws draws = {seed};
    for (int64_t i = 0; i < N; i++) {
        const bool is_hot = pc_draw_below(&draws, 2) == 0;
        const int64_t below = is_hot ? 7 : N_KEYS;
        r->key[i] = (uint32_t)pc_draw_below(&draws, below);
        if (is_hot) r->key[i] *= 20011;
        r->weight[i] = pc_draw_unit(&draws) * 1e3;
    }
    for (int64_t i = 0; i < 2048; i++) r->key[7 * i] = N_KEYS - 1;
    for (int64_t i = 0, seen = 0; i < N; i++)
        if (r->key[i] == N_KEYS - 1 && ++seen > 2048) r->key[i] = 0;
}

typedef struct dealing {
    pc_deal *deal;
    const rows *r;
    int64_t first, n; /* rows that are dealt, in consecutive shares to the lanes */
} dealing;

static pc_status deal_share(pc_worker *worker, int64_t lane, void *arg, pc_error *err)
{
    const dealing *d = arg;
    const pc_sum_kernels *kernels = pc_sum_kernels_for(worker->ctx->simd);
    const int64_t first = d->first + d->n * lane / PC_DEAL_LANES;
    const int64_t end = d->first + d->n * (lane + 1) / PC_DEAL_LANES;
    pc_status status = PC_OK;
    for (int64_t i = first; status == PC_OK && i < end; i += 100)
        status = pc_deal_rows_unchecked(d->deal, lane, kernels, end - i < 100 ? end - i : 100,
                                        d->r->key + i, d->r->weight + i, err);
    pc_deal_close(kernels);
    return status;
}

static pc_status add_piece(pc_context *ctx, pc_deal *deal, const rows *r, int64_t first, int64_t n)
{
    dealing d = {deal, r, first, n};
    pc_status status = pc_deal_open(ctx, deal, n);
    if (status == PC_OK)
        status = pc_parallel_run(ctx, ctx->n_threads, PC_DEAL_LANES, deal_share, &d);
    return status == PC_OK ? pc_deal_add(ctx, deal, ctx->n_threads) : status;
}

/* A deal of the rows in pieces of so many. */
static pc_deal *deal_in_pieces(pc_context *ctx, const rows *r, int64_t piece)
{
    pc_deal *deal = pc_deal_new(ctx, N_KEYS);
    for (int64_t first = 0; first < N; first += piece)
        EXPECT(add_piece(ctx, deal, r, first, N - first < piece ? N - first : piece) == PC_OK);
    return deal;
}

static void start(pc_context *ctx, int n_threads)
{
    pc_context_init(ctx);
    ctx->n_threads = n_threads;
}

typedef struct cells {
    int64_t n_cells;
    uint32_t *key;
    int64_t *n;
    double *weight;
} cells;

static cells read_cells(const pc_deal *deal)
{
    cells c = {0};
    int64_t most = 0;
    for (int64_t b = 0; b < pc_deal_n_buckets(deal); b++) most += pc_deal_read(deal, b, NULL, NULL, NULL);
    c.key = malloc((size_t)most * sizeof *c.key + 1);
    c.n = malloc((size_t)most * sizeof *c.n + 1);
    c.weight = malloc((size_t)most * sizeof *c.weight + 1);
    for (int64_t b = 0; b < pc_deal_n_buckets(deal); b++)
        c.n_cells += pc_deal_read(deal, b, c.key + c.n_cells, c.n + c.n_cells, c.weight + c.n_cells);
    return c;
}

static void free_cells(cells *c)
{
    free(c->key);
    free(c->n);
    free(c->weight);
}

static bool same_cells(const cells *a, const cells *b)
{
    const size_t n = (size_t)a->n_cells;
    return a->n_cells == b->n_cells && memcmp(a->key, b->key, n * sizeof *a->key) == 0 &&
           memcmp(a->n, b->n, n * sizeof *a->n) == 0 &&
           memcmp(a->weight, b->weight, n * sizeof *a->weight) == 0;
}

/* Every cell against all rows, with keys moved by `shift`; each row `times` over. */
static void check_cells(const cells *c, const rows *r, uint32_t shift, int64_t times)
{
    static long double weight[2 * N_KEYS];
    static int64_t n[2 * N_KEYS];
    int64_t n_cells = 0;
    memset(weight, 0, sizeof weight);
    memset(n, 0, sizeof n);
    for (int64_t i = 0; i < N; i++) {
        n_cells += n[r->key[i] + shift]++ == 0;
        weight[r->key[i] + shift] += r->weight[i];
    }
    EXPECT(c->n_cells == n_cells);
    for (int64_t k = 0; k < c->n_cells; k++) {
        const long double expected = weight[c->key[k]] * (long double)times;
        const long double error = c->weight[k] - expected;
        EXPECT(k == 0 || c->key[k - 1] < c->key[k]);
        EXPECT(c->n[k] == n[c->key[k]] * times);
        EXPECT((error < 0 ? -error : error) <= 2e-13L * expected);
    }
}

/* ---- claims ---------------------------------------------------------------------------------- */

static void three_rows_on_paper(void)
{
    const uint32_t key[] = {40000, 3, 40000};
    const double weight[] = {1.5, 2, 0.25};
    pc_context ctx;
    pc_error err;
    start(&ctx, 1);
    pc_deal *deal = pc_deal_new(&ctx, 40001);
    const pc_sum_kernels *kernels = pc_sum_kernels_for(ctx.simd);
    EXPECT(pc_deal_open(&ctx, deal, 3) == PC_OK);
    EXPECT(pc_deal_rows_unchecked(deal, 0, kernels, 3, key, weight, &err) == PC_OK);
    pc_deal_close(kernels);
    EXPECT(pc_deal_add(&ctx, deal, 1) == PC_OK);
    cells c = read_cells(deal);
    EXPECT(c.n_cells == 2 && c.key[0] == 3 && c.key[1] == 40000);
    EXPECT(c.n[0] == 1 && c.weight[0] == 2 && c.n[1] == 2 && c.weight[1] == 1.75);
    free_cells(&c);
    pc_deal_free(&ctx, deal);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void cells_equal_the_oracle_with_the_same_bits_for_any_threads_and_pieces(void)
{
    static rows r;
    static const int64_t pieces[] = {N, N / 2 + 1, 1000};
    cells first = {0};
    draw_rows(&r, 1);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        for (int n_threads = 1; n_threads <= 7; n_threads += 3)
            for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++) {
                pc_context ctx;
                start(&ctx, n_threads);
                ctx.simd = simd ? PC_SIMD_AVX2 : PC_SIMD_PORTABLE;
                pc_deal *deal = deal_in_pieces(&ctx, &r, pieces[p]);
                cells c = read_cells(deal);
                if (first.key == NULL) {
                    check_cells(&c, &r, 0, 1);
                    first = c;
                } else {
                    EXPECT(same_cells(&first, &c));
                    free_cells(&c);
                }
                pc_deal_free(&ctx, deal);
                EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            }
    free_cells(&first);
}

static void cells_move_to_other_keys_and_add_up(void)
{
    enum { LOW_BITS = 4, SHIFT = 3 << LOW_BITS };
    static rows r;
    static int64_t map[(N_KEYS >> LOW_BITS) + 1];
    pc_context ctx;
    start(&ctx, 2);
    draw_rows(&r, 2);
    for (int64_t k = 0; k <= N_KEYS >> LOW_BITS; k++) map[k] = k + (SHIFT >> LOW_BITS);
    pc_deal *from = deal_in_pieces(&ctx, &r, N), *to = pc_deal_new(&ctx, N_KEYS + SHIFT);
    cells before = read_cells(from);
    for (int64_t times = 1; times <= 2; times++) {
        EXPECT(pc_deal_take(&ctx, to, from, LOW_BITS, map) == PC_OK);
        cells c = read_cells(to);
        check_cells(&c, &r, SHIFT, times);
        if (times == 1) EXPECT(memcmp(c.weight, before.weight, (size_t)c.n_cells * 8) == 0);
        free_cells(&c);
    }
    const int64_t in_use = atomic_load(&ctx.memory.in_use);
    EXPECT(pc_deal_take(&ctx, to, from, LOW_BITS, map) == PC_OK);
    EXPECT(atomic_load(&ctx.memory.in_use) == in_use); /* the room of the earlier cells is given back */
    free_cells(&before);
    pc_deal_free(&ctx, from);
    pc_deal_free(&ctx, to);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void more_rows_than_was_said_are_refused(void)
{
    static uint32_t key[100000];
    static double weight[100000];
    pc_context ctx;
    pc_error err;
    start(&ctx, 1);
    pc_deal *deal = pc_deal_new(&ctx, N_KEYS);
    EXPECT(pc_deal_open(&ctx, deal, 10) == PC_OK);
    EXPECT(pc_deal_rows_unchecked(deal, 0, pc_sum_kernels_for(ctx.simd), 100000, key, weight, &err) ==
           PC_ERR_LIMIT);
    pc_deal_free(&ctx, deal);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void no_rows_give_no_cells(void)
{
    pc_context ctx;
    start(&ctx, 2);
    pc_deal *deal = pc_deal_new(&ctx, 1);
    EXPECT(pc_deal_open(&ctx, deal, 0) == PC_OK);
    EXPECT(pc_deal_add(&ctx, deal, 2) == PC_OK);
    EXPECT(pc_deal_n_buckets(deal) == 1 && pc_deal_read(deal, 0, NULL, NULL, NULL) == 0);
    pc_deal_free(&ctx, deal);
    pc_deal_free(&ctx, NULL);
}

/* Everything that allocates, once with each allocation failing. */
static void every_allocation_may_fail(void)
{
    static rows r;
    static int64_t map[1] = {0};
    bool has_failed = true;
    draw_rows(&r, 3);
    for (int64_t k = 1; has_failed && k < 3000; k++) {
        pc_context ctx;
        start(&ctx, 1);
        atomic_store(&ctx.memory.fail_in, k);
        pc_deal *deal = pc_deal_new(&ctx, N_KEYS), *other = pc_deal_new(&ctx, N_KEYS);
        has_failed = deal == NULL || other == NULL;
        pc_status status = has_failed ? PC_ERR_MEMORY : add_piece(&ctx, deal, &r, 0, 6000);
        if (status == PC_OK) status = add_piece(&ctx, deal, &r, 6000, 100);
        if (status == PC_OK) status = pc_deal_take(&ctx, other, deal, 31, map);
        EXPECT(status == PC_OK || status == PC_ERR_MEMORY);
        has_failed = status != PC_OK;
        pc_deal_free(&ctx, deal);
        pc_deal_free(&ctx, other);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
    EXPECT(!has_failed);
}

static bool stop_now(void *host)
{
    (void)host;
    return true;
}

static void a_stop_ends_the_adding(void)
{
    static rows r;
    pc_context ctx;
    start(&ctx, 2);
    draw_rows(&r, 4);
    pc_deal *deal = deal_in_pieces(&ctx, &r, N);
    ctx.should_stop = stop_now;
    atomic_store(&ctx.stop, 1);
    EXPECT(add_piece(&ctx, deal, &r, 0, N) == PC_ERR_INTERRUPTED);
    pc_deal_free(&ctx, deal);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

/* Rows all over the keys, so that no page is full. */
static void a_million_rows_take_twelve_bytes_each(void)
{
    enum { MILLION = 1 << 20, AT_ONCE = 4096 };
    static const int64_t n_keys[] = {(int64_t)11000 << 12, 1 << 26, 1 << 30};
    static uint32_t key[AT_ONCE];
    static double weight[AT_ONCE];
    pc_draws draws = {5};
    EXPECT(n_keys[2] == pc_deal_most_keys());
    for (size_t t = 0; t < sizeof n_keys / sizeof *n_keys; t++) {
        const int64_t beside = (t < 2 ? 64 : 192) * 1024 * 1024;
        pc_context ctx;
        pc_error err;
        start(&ctx, 2);
        const pc_sum_kernels *kernels = pc_sum_kernels_for(ctx.simd);
        pc_deal *deal = pc_deal_new(&ctx, n_keys[t]);
        EXPECT(pc_deal_open(&ctx, deal, MILLION) == PC_OK);
        for (int64_t i = 0; i < MILLION; i += AT_ONCE) {
            for (int64_t k = 0; k < AT_ONCE; k++)
                key[k] = (uint32_t)pc_draw_below(&draws, n_keys[t]);
            EXPECT(pc_deal_rows_unchecked(deal, i * PC_DEAL_LANES / MILLION, kernels, AT_ONCE, key,
                                          weight, &err) == PC_OK);
        }
        pc_deal_close(kernels);
        EXPECT(pc_deal_add(&ctx, deal, 2) == PC_OK);
        EXPECT(atomic_load(&ctx.memory.peak) < (12 + 20) * (int64_t)MILLION + beside);
        pc_deal_free(&ctx, deal);
        EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(three_rows_on_paper),
        CLAIM(cells_equal_the_oracle_with_the_same_bits_for_any_threads_and_pieces),
        CLAIM(cells_move_to_other_keys_and_add_up),
        CLAIM(more_rows_than_was_said_are_refused),
        CLAIM(no_rows_give_no_cells),
        CLAIM(every_allocation_may_fail),
        CLAIM(a_stop_ends_the_adding),
        CLAIM(a_million_rows_take_twelve_bytes_each),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
