#include "pc_distinct.h"

#include "pc_parallel.h"

enum { BLOCK = PC_BLOCK, STRIP = 64, TASKS = 16, SERIAL_ROWS = 200000, BITS = 64 };
static const uint64_t most_bits = (uint64_t)1 << 26;

typedef struct digit {
    const pc_column *column;
    int64_t low;
    uint32_t count, scale;
} digit;

struct pc_distinct {
    int64_t n_keys;
    digit key[PC_DISTINCT_MOST_KEYS];
    pc_type type[PC_DISTINCT_MOST_KEYS];
    int64_t n_words;
    _Atomic uint64_t *bits; /* [n_words] */
};

typedef struct job {
    pc_distinct *distinct;
    int64_t n;
    bool is_guess; /* ranges are those of a task's first block */
    int64_t low[TASKS][PC_DISTINCT_MOST_KEYS], high[TASKS][PC_DISTINCT_MOST_KEYS];
    int64_t n_missing[TASKS];
} job;

/* Rows of a task, in whole blocks. */
static int64_t first_row(int64_t n, int64_t task)
{
    const int64_t n_blocks = (n + BLOCK - 1) / BLOCK;
    const int64_t row = n_blocks * task / TASKS * BLOCK;
    return row < n ? row : n;
}

static int64_t block_rows(int64_t row, int64_t end)
{
    return end - row < BLOCK ? end - row : BLOCK;
}

/* ---- ranges ------------------------------------------------------------------------------------ */

static pc_status find_ranges(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    job *j = arg;
    const int64_t end = first_row(j->n, task + 1);
    for (int64_t k = 0; k < j->distinct->n_keys; k++) {
        j->low[task][k] = INT64_MAX;
        j->high[task][k] = INT64_MIN;
    }
    for (int64_t row = first_row(j->n, task); row < end; row += BLOCK) {
        if (pc_worker_stopped(worker))
            return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        if (j->is_guess && row != first_row(j->n, task)) return PC_OK;
        for (int64_t k = 0; k < j->distinct->n_keys; k++)
            j->n_missing[task] += pc_column_range(j->distinct->key[k].column, row, block_rows(row, end),
                                                  &j->low[task][k], &j->high[task][k]);
    }
    return PC_OK;
}

/* The ranges of all tasks as digits of one number. */
static pc_status set_digits(pc_context *ctx, const job *j, uint64_t *n_bits)
{
    *n_bits = 1;
    for (int64_t k = j->distinct->n_keys - 1; k >= 0; k--) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (int64_t task = 0; task < TASKS; task++) {
            if (j->n_missing[task] > 0)
                return pc_context_fail(ctx, PC_ERR_MISSING, "key", k, -1, "has missing rows");
            if (j->low[task][k] < low) low = j->low[task][k];
            if (j->high[task][k] > high) high = j->high[task][k];
        }
        const uint64_t count = high < low ? 1 : (uint64_t)high - (uint64_t)low + 1;
        if (count == 0 || count > most_bits || *n_bits > most_bits / count)
            return pc_context_fail(ctx, PC_ERR_LIMIT, "key", k, -1, "has values too far apart");
        digit *d = &j->distinct->key[k];
        d->low = low;
        d->count = (uint32_t)count;
        d->scale = (uint32_t)*n_bits;
        *n_bits *= count;
    }
    return PC_OK;
}

/* ---- bits -------------------------------------------------------------------------------------- */

/* The number of each row's combination. PC_ERR_GROUP where a key lies outside its range. */
static pc_status load_codes(pc_simd simd, const pc_distinct *d, int64_t row, int64_t n, uint32_t *code, pc_error *err)
{
    for (int64_t i = 0; d->n_keys == 0 && i < n; i++) code[i] = 0;
    for (int64_t k = d->n_keys - 1; k >= 0; k--) { /* the scale of the last key is 1 */
        const digit *key = &d->key[k];
        const uint32_t scale = k == d->n_keys - 1 ? 0 : key->scale;
        if (pc_column_load_code_by(simd, key->column, row, n, key->low, key->count, scale, code) > 0)
            return pc_fail(err, PC_ERR_GROUP, "key", k, row, "changed while it was being read");
    }
    return PC_OK;
}

/* Rows first .. first + STRIP - 1 behind a block of n: the processor does not follow columns by itself where the
 * blocks of several come in turn. */
static void fetch_next(const pc_distinct *d, int64_t row, int64_t first)
{
    for (int64_t k = 0; k < d->n_keys; k++) {
        const int64_t size = (int64_t)pc_type_size(d->key[k].column->type);
        const char *start = pc_column_address(d->key[k].column, row + first);
        for (int64_t b = 0; start != NULL && b < STRIP * size; b += PC_CACHE_LINE) pc_cpu_fetch(start + b);
    }
}

static void set_strip(const pc_distinct *d, int64_t n, const uint32_t *code)
{
    for (int64_t i = 0; i < n; i++) {
        _Atomic uint64_t *word = &d->bits[code[i] / BITS];
        const uint64_t bit = (uint64_t)1 << code[i] % BITS;
        if (!(atomic_load_explicit(word, memory_order_relaxed) & bit))
            atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    }
}

static pc_status set_bits(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const job *j = arg;
    const pc_distinct *d = j->distinct;
    const int64_t end = first_row(j->n, task + 1);
    uint32_t code[BLOCK];
    for (int64_t row = first_row(j->n, task); row < end; row += BLOCK) {
        const int64_t n = block_rows(row, end);
        if (pc_worker_stopped(worker))
            return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        const pc_status status = load_codes(worker->ctx->simd, d, row, n, code, err);
        if (status != PC_OK) return status;
        for (int64_t i = 0; i < n; i += STRIP) {
            fetch_next(d, row + n, i);
            set_strip(d, n - i < STRIP ? n - i : STRIP, code + i);
        }
    }
    return PC_OK;
}

/* ---- new, count, read -------------------------------------------------------------------------- */

static pc_status check_keys(pc_context *ctx, int64_t n, int64_t n_keys, const pc_column *const *keys)
{
    if (n_keys > PC_DISTINCT_MOST_KEYS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "key", -1, -1, "has too many columns");
    for (int64_t k = 0; k < n_keys; k++) {
        if (!pc_type_is_integer(keys[k]->type))
            return pc_context_fail(ctx, PC_ERR_TYPE, "key", k, -1, "is not of integers");
        if (keys[k]->n != n)
            return pc_context_fail(ctx, PC_ERR_LENGTH, "key", k, -1,
                                   "has another number of rows than the data");
    }
    return PC_OK;
}

/* Ranges, then bits. PC_ERR_GROUP where a row lies outside the ranges. */
static pc_status find(pc_context *ctx, pc_distinct *d, int64_t n, bool is_guess)
{
    job j = {.distinct = d, .n = n, .is_guess = is_guess};
    const int n_threads = n < SERIAL_ROWS ? 1 : ctx->n_threads;
    uint64_t n_bits = 0;
    pc_free(&ctx->memory, d->bits);
    d->bits = NULL;
    pc_status status = pc_parallel_run(ctx, is_guess ? 1 : n_threads, TASKS, find_ranges, &j);
    if (status == PC_OK) status = set_digits(ctx, &j, &n_bits);
    if (status != PC_OK) return status;
    d->n_words = (int64_t)((n_bits + BITS - 1) / BITS);
    d->bits = pc_alloc_zeroed(&ctx->memory, d->n_words, sizeof *d->bits);
    if (d->bits == NULL) return pc_context_fail(ctx, PC_ERR_MEMORY, "key", -1, -1, "out of memory");
    return pc_parallel_run(ctx, n_threads, TASKS, set_bits, &j);
}

/* A few blocks tell the ranges, unless a row lies outside them: reading all rows for it costs as much as
 * the bits. */
static pc_status fill(pc_context *ctx, pc_distinct *d, int64_t n)
{
    const pc_status status = find(ctx, d, n, true);
    return status == PC_ERR_GROUP ? find(ctx, d, n, false) : status;
}

pc_distinct *pc_distinct_new(pc_context *ctx, int64_t n, int64_t n_keys,
                             const pc_column *const *keys)
{
    if (check_keys(ctx, n, n_keys, keys) != PC_OK) return NULL;
    pc_distinct *d = pc_alloc_zeroed(&ctx->memory, 1, sizeof *d);
    if (d == NULL) {
        pc_context_fail(ctx, PC_ERR_MEMORY, "key", -1, -1, "out of memory");
        return NULL;
    }
    d->n_keys = n_keys;
    for (int64_t k = 0; k < n_keys; k++) {
        d->key[k].column = keys[k];
        d->type[k] = keys[k]->type;
    }
    if (fill(ctx, d, n) == PC_OK) return d;
    pc_distinct_free(ctx, d);
    return NULL;
}

void pc_distinct_free(pc_context *ctx, pc_distinct *distinct)
{
    if (distinct == NULL) return;
    pc_free(&ctx->memory, distinct->bits);
    pc_free(&ctx->memory, distinct);
}

int64_t pc_distinct_count(const pc_distinct *distinct)
{
    int64_t count = 0;
    for (int64_t w = 0; w < distinct->n_words; w++)
        for (uint64_t word = distinct->bits[w]; word != 0; word &= word - 1) count++;
    return count;
}

void pc_distinct_read(const pc_distinct *distinct, int64_t k, int64_t *value)
{
    const digit *key = &distinct->key[k];
    const bool is_unsigned = distinct->type[k] == PC_UINT64;
    int64_t c = 0;
    for (int64_t w = 0; w < distinct->n_words; w++) {
        uint32_t code = (uint32_t)w * BITS;
        for (uint64_t word = distinct->bits[w]; word != 0; word >>= 1, code++) {
            while ((word & UINT8_MAX) == 0) { /* most bits are 0 */
                word >>= 8;
                code += 8;
            }
            if (!(word & 1)) continue;
            const uint64_t ordinal = (uint64_t)key->low + code / key->scale % key->count;
            value[c++] = (int64_t)(is_unsigned ? ordinal ^ (uint64_t)1 << 63 : ordinal);
        }
    }
}
