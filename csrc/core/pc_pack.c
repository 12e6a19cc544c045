#include "pc_pack.h"

#include "pc_parallel.h"

enum { SERIAL_ROWS = 200000, TASKS = 64, MOST_BYTES = PC_PACK_MOST / PC_PACK_BYTE };

/* ---- one block ------------------------------------------------------------------------------- */

static pc_status fail_value(const pc_pack_columns *from, int64_t j, int64_t row, pc_error *err)
{
    return pc_fail(err, PC_ERR_VALUE, from->argument, j, row, "is neither 0 nor 1");
}

static pc_status fail_changed(const pc_pack_columns *from, int64_t j, int64_t row, pc_error *err)
{
    return pc_fail(err, PC_ERR_VALUE, from->argument, j, row, "changed while it was being read");
}

static pc_status pack_complete(const pc_sum_kernels *kernels, const pc_pack_columns *from,
                               int64_t first, int64_t n_columns, int64_t row, int64_t n,
                               uint8_t *bits, pc_error *err)
{
    uint8_t scratch[PC_PACK_BYTE][PC_BLOCK], one[PC_BLOCK];
    const uint8_t *flag[PC_PACK_BYTE] = {NULL};
    for (int64_t j = 0; j < n_columns; j++) {
        flag[j] = pc_column_flag(from->columns[first + j], row, n, scratch[j]);
    }
    if (kernels->pack(n, n_columns, flag, bits) <= 1) return PC_OK;
    for (int64_t j = 0; j < n_columns; j++) {
        if (kernels->pack(n, 1, &flag[j], one) <= 1) continue;
        for (int64_t i = 0; i < n; i++)
            if (flag[j][i] > 1) return fail_value(from, first + j, row + i, err);
        return fail_changed(from, first + j, row, err);
    }
    return fail_changed(from, -1, row, err);
}

static pc_status pack_with_missing(const pc_sum_kernels *kernels, const pc_pack_columns *from,
                                   int64_t first, int64_t n_columns, int64_t row, int64_t n,
                                   uint8_t *bits, uint8_t *missing, pc_error *err)
{
    uint8_t is_one[PC_PACK_BYTE][PC_BLOCK], is_missing[PC_PACK_BYTE][PC_BLOCK];
    const uint8_t *ones[PC_PACK_BYTE] = {NULL}, *gaps[PC_PACK_BYTE] = {NULL};
    for (int64_t j = 0; j < n_columns; j++) {
        uint8_t bad = 0;
        pc_column_load_flag(from->columns[first + j], row, n, is_one[j]);
        for (int64_t i = 0; i < n; i++) {
            bad |= is_one[j][i] == PC_FLAG_BAD;
            is_missing[j][i] = is_one[j][i] == PC_FLAG_MISSING;
            is_one[j][i] = is_one[j][i] == 1;
        }
        if (bad) return pack_complete(kernels, from, first + j, 1, row, n, bits, err);
        ones[j] = is_one[j];
        gaps[j] = is_missing[j];
    }
    kernels->pack(n, n_columns, ones, bits);
    kernels->pack(n, n_columns, gaps, missing);
    return PC_OK;
}

pc_status pc_pack_block(const pc_sum_kernels *kernels, const pc_pack_columns *from, int64_t first,
                        int64_t n_columns, int64_t row, int64_t n, uint8_t *bits, uint8_t *missing,
                        pc_error *err)
{
    bool is_complete = true;
    for (int64_t j = first; missing != NULL && j < first + n_columns; j++)
        is_complete = is_complete && pc_column_is_complete(from->columns[j]);
    if (!is_complete)
        return pack_with_missing(kernels, from, first, n_columns, row, n, bits, missing, err);
    for (int64_t i = 0; missing != NULL && i < n; i++) missing[i] = 0;
    return pack_complete(kernels, from, first, n_columns, row, n, bits, err);
}

/* ---- all rows -------------------------------------------------------------------------------- */

int64_t pc_pack_width(int64_t n_columns)
{
    int64_t width = 1;
    while (width * PC_PACK_BYTE < n_columns) width *= 2;
    return width;
}

typedef struct pack_job {
    const pc_pack_columns *from;
    int64_t n_rows;
    void *deprived, *missing;
    _Atomic int any_missing;
} pack_job;

/* Number i of out is byte [0][i], byte [1][i] ... with the first one lowest. */
static void join_bytes(int64_t width, int64_t n, uint8_t (*byte)[PC_BLOCK], void *out, int64_t row)
{
    uint8_t *out8 = (uint8_t *)out + row;
    uint16_t *out16 = (uint16_t *)out + row;
    uint32_t *out32 = (uint32_t *)out + row;
    uint64_t *out64 = (uint64_t *)out + row;
    for (int64_t i = 0; width == 1 && i < n; i++) out8[i] = byte[0][i];
    for (int64_t i = 0; width == 2 && i < n; i++)
        out16[i] = (uint16_t)(byte[0][i] | byte[1][i] << PC_PACK_BYTE);
    for (int64_t i = 0; width == 4 && i < n; i++) out32[i] = 0;
    for (int64_t b = 0; width == 4 && b < width; b++)
        for (int64_t i = 0; i < n; i++) out32[i] |= (uint32_t)byte[b][i] << (PC_PACK_BYTE * b);
    for (int64_t i = 0; width == 8 && i < n; i++) out64[i] = 0;
    for (int64_t b = 0; width == 8 && b < width; b++)
        for (int64_t i = 0; i < n; i++) out64[i] |= (uint64_t)byte[b][i] << (PC_PACK_BYTE * b);
}

/* Twelve columns are more streams than the processor follows by itself. */
static void fetch_next(const pc_sum_kernels *kernels, const pc_pack_columns *from, int64_t row)
{
    for (int64_t j = 0; j < from->n; j++) {
        const char *next = pc_column_address(from->columns[j], row);
        const int64_t size = (int64_t)pc_type_size(from->columns[j]->type);
        if (next != NULL) kernels->fetch(next, size * PC_BLOCK);
    }
}

static pc_status pack_rows(const pc_sum_kernels *kernels, pack_job *job, int64_t row, int64_t n,
                           pc_error *err)
{
    const int64_t n_columns = job->from->n, width = pc_pack_width(n_columns);
    uint8_t bits[MOST_BYTES][PC_BLOCK], gaps[MOST_BYTES][PC_BLOCK], seen = 0;
    fetch_next(kernels, job->from, row + n);
    for (int64_t b = 0; b < width; b++) {
        const int64_t first = b * PC_PACK_BYTE, left = n_columns - first;
        const int64_t some = left < 0 ? 0 : left < PC_PACK_BYTE ? left : PC_PACK_BYTE;
        const pc_status status = pc_pack_block(kernels, job->from, first, some, row, n, bits[b],
                                               job->missing == NULL ? NULL : gaps[b], err);
        if (status != PC_OK) return status;
    }
    join_bytes(width, n, bits, job->deprived, row);
    if (job->missing == NULL) return PC_OK;
    for (int64_t b = 0; b < width; b++)
        for (int64_t i = 0; i < n; i++) seen |= gaps[b][i];
    if (seen) atomic_store_explicit(&job->any_missing, 1, memory_order_relaxed);
    join_bytes(width, n, gaps, job->missing, row);
    return PC_OK;
}

/* A share of the blocks. One that fails is gone through again row by row, to name its first bad row. */
static pc_status pack_share(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    pack_job *job = arg;
    const pc_sum_kernels *kernels = pc_sum_kernels_for(worker->ctx->simd);
    const int64_t blocks = (job->n_rows + PC_BLOCK - 1) / PC_BLOCK;
    const int64_t end = blocks * (task + 1) / TASKS * PC_BLOCK;
    for (int64_t row = blocks * task / TASKS * PC_BLOCK; row < end && row < job->n_rows; row += PC_BLOCK) {
        const int64_t n = job->n_rows - row < PC_BLOCK ? job->n_rows - row : PC_BLOCK;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        const pc_status status = pack_rows(kernels, job, row, n, err);
        if (status == PC_OK) continue;
        for (int64_t i = 0; i < n; i++)
            if (pack_rows(kernels, job, row + i, 1, err) != PC_OK) break;
        return err->status;
    }
    return PC_OK;
}

static pc_status check_columns(pc_context *ctx, const pc_pack_columns *from, int64_t n_rows)
{
    if (from->n > PC_PACK_MOST)
        return pc_context_fail(ctx, PC_ERR_LIMIT, from->argument, -1, -1,
                               "has more than 64 columns");
    for (int64_t j = 0; j < from->n; j++) {
        if (from->columns[j]->n != n_rows)
            return pc_context_fail(ctx, PC_ERR_LENGTH, from->argument, j, -1,
                                   "has another number of rows than the data");
        if (pc_type_is_text(from->columns[j]->type))
            return pc_context_fail(ctx, PC_ERR_TYPE, from->argument, j, -1,
                                   "is text, not a number");
    }
    return PC_OK;
}

pc_status pc_pack_rows(pc_context *ctx, const pc_pack_columns *from, int64_t n_rows, void *deprived,
                       void *missing, bool *any_missing)
{
    pack_job job = {.from = from, .n_rows = n_rows, .deprived = deprived, .missing = missing};
    atomic_init(&job.any_missing, 0);
    pc_status status = check_columns(ctx, from, n_rows);
    if (status == PC_OK)
        status = pc_parallel_run(ctx, n_rows < SERIAL_ROWS ? 1 : ctx->n_threads, TASKS, pack_share,
                                 &job);
    *any_missing = atomic_load(&job.any_missing) != 0;
    return status;
}
