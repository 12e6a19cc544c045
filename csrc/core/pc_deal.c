#include "pc_deal.h"

#include "pc_parallel.h"
#include "pc_record.h"
#include "pc_two_sum.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A stage is three lines of the cache: it leaves for its page in full, past the cache. */
enum { STAGE_ROWS = 16, PAGE_STAGES = 8, PAGE_ROWS = STAGE_ROWS * PAGE_STAGES };
enum { LEAST_SHIFT = 16, MOST_SHIFT = 17, MOST_BUCKETS = 8192, ADD_TASKS = 32 };
/* Keys a power of two apart would share one set of the cache: every so many keys leave some room. */
enum { STRIP = 1024, GAP = 4 };
enum { NO_PAGE = -1, BATCH_PAGES = 64 };

typedef struct stage {
    double weight[STAGE_ROWS];
    uint32_t key[STAGE_ROWS]; /* less the first key of the bucket */
} stage;

typedef struct page {
    double weight[PAGE_ROWS];
    uint32_t key[PAGE_ROWS];
} page;

/* The rows of one bucket in one lane: full stages in a chain of pages, and a stage that fills. */
typedef struct chain {
    int32_t first, last;
    int64_t n_stages;
} chain;

/* Pages that a lane has taken and not used, on a line of the cache of its own. */
typedef struct batch {
    int64_t next, end;
    char rest[48];
} batch;

/* A cell that was put aside: sum, its rounding error, and rows. */
typedef struct kept {
    uint32_t key;
    double sum, error, n;
} kept;

/* Cells lie on shelves: many small blocks would not have huge pages. Whoever adds takes a rack of them that
 * nobody else has. */
typedef struct shelf {
    struct shelf *next;
    int64_t room, used; /* bytes behind this record */
} shelf;

typedef struct rack {
    _Atomic int is_taken;
    shelf *first;
} rack;

typedef struct bucket {
    int64_t n, n_kept;
    const uint32_t *key; /* [n] ascending */
    const double *pair;  /* [2n] weight and n, less what is kept */
    const kept *kept;    /* [n_kept] by key; every one has a cell */
} bucket;

struct pc_deal {
    int64_t n_keys, n_buckets;
    int shift; /* keys of a bucket: 2^shift */
    bucket *bucket;
    rack racks[ADD_TASKS]; /* as many as tasks run at once */
    /* rows not yet added; NULL when there are none */
    page *pages;
    int32_t *next; /* [n_pages] the page behind */
    int64_t n_pages;
    _Atomic int64_t n_taken;
    batch *batches; /* [lanes] */
    chain *chains;  /* [lanes x buckets] */
    stage *stages;  /* the same */
    uint8_t *fills; /* rows in each stage */
};

static pc_status out_of_memory(pc_error *err)
{
    return pc_fail(err, PC_ERR_MEMORY, "deal", -1, -1, "out of memory");
}

int64_t pc_deal_most_keys(void)
{
    return (int64_t)MOST_BUCKETS << MOST_SHIFT;
}

/* ---- new and free ---------------------------------------------------------------------------- */

pc_deal *pc_deal_new(pc_context *ctx, int64_t n_keys)
{
    pc_deal *deal = pc_alloc_zeroed(&ctx->memory, 1, sizeof *deal);
    if (deal == NULL) return NULL;
    deal->n_keys = n_keys;
    deal->shift = LEAST_SHIFT;
    while (n_keys >> deal->shift >= MOST_BUCKETS && deal->shift < MOST_SHIFT) deal->shift++;
    deal->n_buckets = (n_keys + ((int64_t)1 << deal->shift) - 1) >> deal->shift;
    deal->bucket = pc_alloc_zeroed(&ctx->memory, deal->n_buckets, sizeof *deal->bucket);
    if (deal->bucket == NULL) {
        pc_free(&ctx->memory, deal);
        return NULL;
    }
    return deal;
}

static void free_rows(pc_context *ctx, pc_deal *deal)
{
    pc_free(&ctx->memory, deal->pages);
    pc_free(&ctx->memory, deal->next);
    pc_free(&ctx->memory, deal->batches);
    pc_free(&ctx->memory, deal->chains);
    pc_free(&ctx->memory, deal->stages);
    pc_free(&ctx->memory, deal->fills);
    deal->pages = NULL;
    deal->next = NULL;
    deal->batches = NULL;
    deal->chains = NULL;
    deal->stages = NULL;
    deal->fills = NULL;
}

/* All shelves, which may be in use, as one list. */
static shelf *take_shelves(pc_deal *deal)
{
    shelf *all = NULL;
    for (int64_t r = 0; r < ADD_TASKS; r++)
        for (shelf *s = deal->racks[r].first, *next; s != NULL; s = next) {
            next = s->next;
            s->next = all;
            all = s;
        }
    for (int64_t r = 0; r < ADD_TASKS; r++) deal->racks[r].first = NULL;
    return all;
}

static void free_shelves(pc_context *ctx, shelf *first)
{
    for (shelf *s = first, *next; s != NULL; s = next) {
        next = s->next;
        pc_free(&ctx->memory, s);
    }
}

void pc_deal_free(pc_context *ctx, pc_deal *deal)
{
    if (deal == NULL) return;
    free_rows(ctx, deal);
    free_shelves(ctx, take_shelves(deal));
    pc_free(&ctx->memory, deal->bucket);
    pc_free(&ctx->memory, deal);
}

/* ---- dealing --------------------------------------------------------------------------------- */

pc_status pc_deal_open(pc_context *ctx, pc_deal *deal, int64_t n_rows)
{
    const int64_t n_chains = PC_DEAL_LANES * deal->n_buckets;
    free_rows(ctx, deal);
    /* each chain may leave a page in part empty, if it has any stage at all */
    const int64_t n_started = n_rows / STAGE_ROWS < n_chains ? n_rows / STAGE_ROWS : n_chains;
    deal->n_pages = n_rows / PAGE_ROWS + n_started + PC_DEAL_LANES * BATCH_PAGES;
    atomic_store(&deal->n_taken, 0);
    deal->pages = pc_alloc(&ctx->memory, deal->n_pages, sizeof *deal->pages);
    deal->next = pc_alloc(&ctx->memory, deal->n_pages, sizeof *deal->next);
    deal->batches = pc_alloc_zeroed(&ctx->memory, PC_DEAL_LANES, sizeof *deal->batches);
    deal->chains = pc_alloc(&ctx->memory, n_chains, sizeof *deal->chains);
    deal->stages = pc_alloc(&ctx->memory, n_chains, sizeof *deal->stages);
    deal->fills = pc_alloc_zeroed(&ctx->memory, n_chains, sizeof *deal->fills);
    if (deal->pages == NULL || deal->next == NULL || deal->batches == NULL ||
        deal->chains == NULL || deal->stages == NULL || deal->fills == NULL) {
        free_rows(ctx, deal);
        return out_of_memory(&ctx->error);
    }
    for (int64_t c = 0; c < n_chains; c++) deal->chains[c] = (chain){NO_PAGE, NO_PAGE, 0};
    return PC_OK;
}

/* The number of a page that nobody has; NO_PAGE: none is left. */
static int64_t take_page(pc_deal *deal, batch *own)
{
    if (own->next == own->end) {
        own->next = atomic_fetch_add_explicit(&deal->n_taken, BATCH_PAGES, memory_order_relaxed);
        own->end = own->next + BATCH_PAGES;
    }
    return own->next < deal->n_pages ? own->next++ : NO_PAGE;
}

/* The page for the next full stage of a chain; NULL: none is left. */
static page *open_page(pc_deal *deal, batch *own, chain *c)
{
    if (c->n_stages % PAGE_STAGES > 0) return &deal->pages[c->last];
    const int64_t taken = take_page(deal, own);
    if (taken == NO_PAGE) return NULL;
    if (c->last == NO_PAGE) c->first = (int32_t)taken;
    else deal->next[c->last] = (int32_t)taken;
    c->last = (int32_t)taken;
    return &deal->pages[taken];
}

static bool put_away(pc_deal *deal, batch *own, chain *c, const pc_sum_kernels *kernels,
                     const stage *full)
{
    page *p = open_page(deal, own, c);
    if (p == NULL) return false;
    const int64_t row = c->n_stages++ % PAGE_STAGES * STAGE_ROWS;
    kernels->stream(p->weight + row, full->weight, sizeof full->weight);
    kernels->stream(p->key + row, full->key, sizeof full->key);
    return true;
}

pc_status pc_deal_rows_unchecked(pc_deal *deal, int64_t lane, const pc_sum_kernels *kernels,
                                 int64_t n, const uint32_t *key, const double *weight,
                                 pc_error *err)
{
    const int64_t first = lane * deal->n_buckets;
    stage *restrict stages = deal->stages + first;
    uint8_t *restrict fills = deal->fills + first;
    const int shift = deal->shift;
    const uint32_t within = ((uint32_t)1 << shift) - 1;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t b = key[i] >> shift;
        const uint8_t fill = fills[b];
        stages[b].weight[fill] = weight[i];
        stages[b].key[fill] = key[i] & within;
        fills[b] = (uint8_t)(fill + 1);
        if (fill + 1 < STAGE_ROWS) continue;
        if (!put_away(deal, &deal->batches[lane], &deal->chains[first + b], kernels, &stages[b]))
            return pc_fail(err, PC_ERR_LIMIT, "deal", -1, -1, "has more rows than was said");
        fills[b] = 0;
    }
    return PC_OK;
}

void pc_deal_close(const pc_sum_kernels *kernels)
{
    kernels->settle();
}

/* ---- adding ---------------------------------------------------------------------------------- */

static uint32_t slot_of(uint32_t key)
{
    return key + key / STRIP * GAP;
}

/* The table of one bucket at a time, and what was put aside of it. */
typedef struct adder {
    pc_context *ctx;
    const pc_sum_kernels *kernels;
    double *table;     /* [2 x slots] weight and n */
    uint32_t *found;   /* [keys + 4] those that occur */
    int32_t *kept_at;  /* [keys] 1 + where a key is kept; 0: nowhere */
    kept *kept;        /* [n_kept] in the order of time */
    int64_t n_kept, room;
    rack *rack;
} adder;

static int64_t n_slots(const pc_deal *deal)
{
    return slot_of(((uint32_t)1 << deal->shift) - 1) + 1;
}

static rack *take_rack(pc_deal *deal)
{
    int64_t r = 0;
    while (atomic_exchange(&deal->racks[r].is_taken, 1)) r = (r + 1) % ADD_TASKS;
    return &deal->racks[r];
}

static pc_status make_adder(pc_context *ctx, pc_deal *deal, adder *a, pc_error *err)
{
    const int64_t n_keys = (int64_t)1 << deal->shift;
    *a = (adder){.ctx = ctx, .kernels = pc_sum_kernels_for(ctx->simd)};
    a->rack = take_rack(deal);
    a->table = pc_alloc_zeroed(&ctx->memory, n_slots(deal), 2 * sizeof *a->table);
    a->found = pc_alloc(&ctx->memory, n_keys + 4, sizeof *a->found);
    a->kept_at = pc_alloc_zeroed(&ctx->memory, n_keys, sizeof *a->kept_at);
    if (a->table == NULL || a->found == NULL || a->kept_at == NULL) return out_of_memory(err);
    return PC_OK;
}

static void free_adder(adder *a)
{
    pc_free(&a->ctx->memory, a->table);
    pc_free(&a->ctx->memory, a->found);
    pc_free(&a->ctx->memory, a->kept_at);
    pc_free(&a->ctx->memory, a->kept);
    atomic_store(&a->rack->is_taken, 0);
}

/* What is kept of a key, made on first use; NULL: memory is out. */
static kept *kept_of(adder *a, uint32_t key)
{
    if (a->kept_at[key] > 0) return &a->kept[a->kept_at[key] - 1];
    if (a->n_kept == a->room) {
        const int64_t room = 64 + 2 * a->room;
        kept *grown = pc_alloc(&a->ctx->memory, room, sizeof *grown);
        if (grown == NULL) return NULL;
        if (a->n_kept > 0) memcpy(grown, a->kept, (size_t)a->n_kept * sizeof *grown);
        pc_free(&a->ctx->memory, a->kept);
        a->kept = grown;
        a->room = room;
    }
    a->kept[a->n_kept] = (kept){key, 0, 0, 0};
    a->kept_at[key] = (int32_t)++a->n_kept;
    return &a->kept[a->n_kept - 1];
}

static pc_status put_aside(adder *a, uint32_t key, double *pair, pc_error *err)
{
    kept *cell = kept_of(a, key);
    if (cell == NULL) return out_of_memory(err);
    cell->sum = pc_two_sum(cell->sum, pair[PC_RECORD_WEIGHT], &cell->error);
    cell->n += pair[PC_RECORD_N];
    pair[PC_RECORD_WEIGHT] = 0;
    pair[PC_RECORD_N] = 0;
    return PC_OK;
}

static pc_status add_rows(adder *a, const uint32_t *key, const double *weight, int64_t n,
                          pc_error *err)
{
    const pc_sum_ahead nothing = {.n = 0};
    uint32_t at[PAGE_ROWS];
    for (int64_t i = 0; i < n; i++) at[i] = 2 * slot_of(key[i]);
    for (int64_t row = 0; row < n;) {
        row = a->kernels->add_pairs(row, n, at, weight, PC_RECORD_MOST_ROWS, a->table, &nothing);
        double *pair = a->table + at[row - 1];
        if (pair[PC_RECORD_N] < PC_RECORD_MOST_ROWS) continue;
        const pc_status status = put_aside(a, key[row - 1], pair, err);
        if (status != PC_OK) return status;
    }
    return PC_OK;
}

static pc_status add_chain(adder *a, const pc_deal *deal, int64_t c, pc_error *err)
{
    const stage *rest = &deal->stages[c];
    int64_t n_rows = deal->chains[c].n_stages * STAGE_ROWS;
    for (int32_t p = deal->chains[c].first; n_rows > 0; n_rows -= PAGE_ROWS) {
        const page *here = &deal->pages[p];
        if (n_rows > PAGE_ROWS) p = deal->next[p];
        a->kernels->fetch(&deal->pages[p], sizeof *here);
        const int64_t n = n_rows < PAGE_ROWS ? n_rows : PAGE_ROWS;
        const pc_status status = add_rows(a, here->key, here->weight, n, err);
        if (status != PC_OK) return status;
    }
    return add_rows(a, rest->key, rest->weight, deal->fills[c], err);
}

/* The cells of earlier rows are added to further. */
static pc_status put_cells(adder *a, const bucket *b, pc_error *err)
{
    for (int64_t c = 0; c < b->n; c++)
        memcpy(a->table + 2 * slot_of(b->key[c]), b->pair + 2 * c, 2 * sizeof *b->pair);
    for (int64_t c = 0; c < b->n_kept; c++) {
        kept *cell = kept_of(a, b->kept[c].key);
        if (cell == NULL) return out_of_memory(err);
        *cell = b->kept[c];
    }
    return PC_OK;
}

/* Keys with rows, ascending; a key of which all is kept counts too. */
static int64_t find_cells(adder *a, const pc_deal *deal)
{
    int64_t n = 0;
    for (int64_t c = 0; c < a->n_kept; c++) {
        double *pair = a->table + 2 * slot_of(a->kept[c].key);
        if (pair[PC_RECORD_N] == 0) pair[PC_RECORD_N] = -1;
    }
    for (uint32_t key = 0; key >> deal->shift == 0; key += STRIP)
        n += a->kernels->find_pairs(STRIP, a->table + 2 * slot_of(key), key, a->found + n);
    return n;
}

static int by_key(const void *x, const void *y)
{
    const uint32_t a = ((const kept *)x)->key, b = ((const kept *)y)->key;
    return (a > b) - (a < b);
}

/* Room for n elements on a shelf; NULL: memory is out. */
static void *place_on_shelf(adder *a, int64_t n, int64_t size)
{
    enum { RECORD = 64, LEAST = 32 * 1024, MOST = 8 * 1024 * 1024 - 2 * RECORD, LINE = 8 };
    const int64_t bytes = (n * size + LINE - 1) / LINE * LINE;
    shelf *first = a->rack->first;
    if (first == NULL || first->room - first->used < bytes) {
        int64_t room = first == NULL ? LEAST : 2 * first->room;
        if (room > MOST) room = MOST;
        if (room < bytes) room = bytes;
        first = pc_alloc(&a->ctx->memory, RECORD + room, 1);
        if (first == NULL) return NULL;
        *first = (shelf){a->rack->first, room, 0};
        a->rack->first = first;
    }
    first->used += bytes;
    return (char *)first + RECORD + first->used - bytes;
}

/* The n cells found in the table, and what is kept, become those of the bucket; the table is empty again. */
static pc_status shelve_cells(adder *a, int64_t n, bucket *b, pc_error *err)
{
    double *pair = place_on_shelf(a, n, 2 * sizeof *pair);
    uint32_t *key = place_on_shelf(a, n, sizeof *key);
    kept *beside = place_on_shelf(a, a->n_kept, sizeof *beside);
    if (pair == NULL || key == NULL || beside == NULL) return out_of_memory(err);
    for (int64_t c = 0; c < n; c++) {
        double *from = a->table + 2 * slot_of(a->found[c]);
        memcpy(pair + 2 * c, from, 2 * sizeof *pair);
        if (pair[2 * c + 1] < 0) pair[2 * c + 1] = 0;
        from[0] = from[1] = 0; /* now that its line is at hand */
    }
    memcpy(key, a->found, (size_t)n * sizeof *key);
    if (a->n_kept > 0) memcpy(beside, a->kept, (size_t)a->n_kept * sizeof *beside);
    qsort(beside, (size_t)a->n_kept, sizeof *beside, by_key);
    *b = (bucket){n, a->n_kept, key, pair, beside};
    return PC_OK;
}

static pc_status take_cells(adder *a, const pc_deal *deal, bucket *b, pc_error *err)
{
    const int64_t n = find_cells(a, deal);
    const pc_status status = shelve_cells(a, n, b, err);
    for (int64_t c = 0; c < a->n_kept; c++) a->kept_at[a->kept[c].key] = 0;
    a->n_kept = 0;
    return status;
}

static bool has_rows(const pc_deal *deal, int64_t b)
{
    for (int64_t l = 0; l < PC_DEAL_LANES; l++) {
        const int64_t c = l * deal->n_buckets + b;
        if (deal->chains[c].n_stages > 0 || deal->fills[c] > 0) return true;
    }
    return false;
}

static int64_t n_tasks(const pc_deal *deal)
{
    return deal->n_buckets < ADD_TASKS ? deal->n_buckets : ADD_TASKS;
}

/* A share of the buckets. */
static pc_status add_buckets(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    pc_deal *deal = arg;
    const int64_t end = deal->n_buckets * (task + 1) / n_tasks(deal);
    adder a;
    pc_status status = make_adder(worker->ctx, deal, &a, err);
    for (int64_t b = deal->n_buckets * task / n_tasks(deal); status == PC_OK && b < end; b++) {
        if (!has_rows(deal, b) && deal->bucket[b].n == 0) continue;
        status = put_cells(&a, &deal->bucket[b], err);
        for (int64_t l = 0; status == PC_OK && l < PC_DEAL_LANES; l++)
            status = add_chain(&a, deal, l * deal->n_buckets + b, err);
        if (status == PC_OK) status = take_cells(&a, deal, &deal->bucket[b], err);
        if (status == PC_OK && pc_worker_stopped(worker))
            status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    }
    free_adder(&a);
    return status;
}

pc_status pc_deal_add(pc_context *ctx, pc_deal *deal, int n_threads)
{
    shelf *before = take_shelves(deal); /* every bucket moves: nobody could use the room of its earlier cells */
    const pc_status status = pc_parallel_run(ctx, n_threads, n_tasks(deal), add_buckets, deal);
    free_shelves(ctx, before);
    free_rows(ctx, deal);
    return status;
}

/* ---- other keys ------------------------------------------------------------------------------ */

/* A cell on its way to another deal. */
typedef struct moved {
    uint32_t key; /* the new one */
    const double *pair;
    const kept *kept; /* NULL: nothing is */
} moved;

static int by_new_key(const void *x, const void *y)
{
    const uint32_t a = ((const moved *)x)->key, b = ((const moved *)y)->key;
    return (a > b) - (a < b);
}

/* All cells with their new keys, which map[] leaves distinct. NULL: memory is out. */
static moved *moved_cells(pc_context *ctx, const pc_deal *from, int low_bits, const int64_t *map,
                          int64_t *n_moved)
{
    const uint32_t low = ((uint32_t)1 << low_bits) - 1;
    int64_t n = 0;
    for (int64_t b = 0; b < from->n_buckets; b++) n += from->bucket[b].n;
    moved *cells = pc_alloc(&ctx->memory, n, sizeof *cells);
    if (cells == NULL) return NULL;
    n = 0;
    for (int64_t b = 0; b < from->n_buckets; b++) {
        const bucket *home = &from->bucket[b];
        for (int64_t c = 0, k = 0; c < home->n; c++) {
            const uint32_t key = ((uint32_t)b << from->shift) + home->key[c];
            const bool is_kept = k < home->n_kept && home->kept[k].key == home->key[c];
            const kept *beside = is_kept ? &home->kept[k++] : NULL;
            const uint32_t high = (uint32_t)map[key >> low_bits];
            cells[n++] = (moved){high << low_bits | (key & low), home->pair + 2 * c, beside};
        }
    }
    qsort(cells, (size_t)n, sizeof *cells, by_new_key);
    *n_moved = n;
    return cells;
}

/* Into an empty place as it is, so that nothing is rounded; else to what is kept. */
static pc_status add_moved(adder *a, const moved *cell, uint32_t key, pc_error *err)
{
    double *pair = a->table + 2 * slot_of(key);
    double more[2];
    memcpy(more, cell->pair, sizeof more);
    if (cell->kept != NULL) {
        kept *here = kept_of(a, key);
        if (here == NULL) return out_of_memory(err);
        here->sum = pc_two_sum(here->sum, cell->kept->sum, &here->error);
        here->error += cell->kept->error;
        here->n += cell->kept->n;
    }
    if (pair[PC_RECORD_N] > 0) return put_aside(a, key, more, err);
    memcpy(pair, more, sizeof more);
    return PC_OK;
}

pc_status pc_deal_take(pc_context *ctx, pc_deal *deal, const pc_deal *from, int low_bits,
                       const int64_t *map)
{
    const uint32_t within = ((uint32_t)1 << deal->shift) - 1;
    int64_t n = 0;
    shelf *before = take_shelves(deal);
    adder a;
    pc_status status = make_adder(ctx, deal, &a, &ctx->error);
    moved *cells = moved_cells(ctx, from, low_bits, map, &n);
    if (cells == NULL) status = out_of_memory(&ctx->error);
    for (int64_t b = 0, c = 0; status == PC_OK && b < deal->n_buckets; b++) {
        const bool has_more = c < n && cells[c].key >> deal->shift == b;
        if (!has_more && deal->bucket[b].n == 0) continue;
        status = put_cells(&a, &deal->bucket[b], &ctx->error);
        for (; status == PC_OK && c < n && cells[c].key >> deal->shift == b; c++)
            status = add_moved(&a, &cells[c], cells[c].key & within, &ctx->error);
        if (status == PC_OK) status = take_cells(&a, deal, &deal->bucket[b], &ctx->error);
        if (status == PC_OK && pc_caller_stopped(ctx))
            status = pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
    }
    free_shelves(ctx, before);
    pc_free(&ctx->memory, cells);
    free_adder(&a);
    return status;
}

/* ---- read ------------------------------------------------------------------------------------ */

int64_t pc_deal_n_buckets(const pc_deal *deal)
{
    return deal->n_buckets;
}

int64_t pc_deal_read(const pc_deal *deal, int64_t b, uint32_t *key, int64_t *n, double *weight)
{
    const bucket *home = &deal->bucket[b];
    const uint32_t first = (uint32_t)b << deal->shift;
    for (int64_t c = 0; key != NULL && c < home->n; c++) key[c] = first + home->key[c];
    for (int64_t c = 0; n != NULL && c < home->n; c++) n[c] = (int64_t)home->pair[2 * c + 1];
    for (int64_t c = 0; weight != NULL && c < home->n; c++) weight[c] = home->pair[2 * c];
    for (int64_t c = 0, k = 0; k < home->n_kept; c++) {
        if (home->key[c] != home->kept[k].key) continue;
        double error = home->kept[k].error;
        const double sum = pc_two_sum(home->kept[k].sum, home->pair[2 * c], &error);
        if (n != NULL) n[c] += (int64_t)home->kept[k].n;
        if (weight != NULL) weight[c] = pc_with_error(sum, error);
        k++;
    }
    return home->n;
}

int64_t pc_deal_run_end(const pc_deal *deal, int64_t b, int64_t c, int low_bits, int64_t *high)
{
    const bucket *home = &deal->bucket[b];
    const uint32_t first = (uint32_t)b << deal->shift;
    int64_t within = c, behind = home->n; /* the first cell of another run lies in within+1 .. behind */
    *high = (first + home->key[c]) >> low_bits;
    while (within + 1 < behind) {
        const int64_t middle = within + (behind - within) / 2;
        if ((first + home->key[middle]) >> low_bits == *high) within = middle;
        else behind = middle;
    }
    return behind;
}
