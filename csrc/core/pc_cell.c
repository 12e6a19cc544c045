#include "pc_cell.h"

#include "pc_cell_loops.h"
#include "pc_parallel.h"
#include "pc_two_sum.h"

enum { CELLS_OF_A_TASK = 1 << 14, MOST_TASKS = 64, WORDS = 2 };
enum { SERIAL_WORK = 500000 }; /* of 100,000 cells added by twelve bits */
enum { AHEAD = 1024 }; /* cells, to be fetched */

_Static_assert(PC_CELL_WORD * WORDS == PC_CELL_MOST_BITS, "the words of a mask hold all bits");

/* What the tasks share. A task has whole groups. */
typedef struct job {
    const pc_cells *cells;
    const pc_cell_factors *factors;
    const pc_cell_kernels *kernels;
    double *sum, *bit;
    int64_t n_cells;
    bool *is_one;     /* [factors] whether it is 1 of every profile */
    bool needs_profiles;
    int64_t bit_room; /* numbers by bit that the sums of a factor have room for */
    int64_t n_sums;   /* numbers of a group: one of each factor, then bit_room of each by bit */
    int64_t group[MOST_TASKS + 1]; /* the first of each task */
} job;

/* One task under way, and some cells of a group. */
typedef struct walk {
    pc_worker *worker;
    int64_t next_look;    /* at the stop flag, from this cell on */
    double *sums;         /* [n_sums] of these cells */
    double *kept, *error; /* [n_sums] of all so far, where they are many, and the errors of these sums */
    const double *weight;
    pc_cell_ahead ahead;
    uint32_t profile[PC_BLOCK], word[WORDS][PC_BLOCK];
    double weights[PC_BLOCK], product[PC_BLOCK];
} walk;

static const pc_cell_kernels *kernels_for(pc_simd simd)
{
    const pc_cell_kernels *avx2 = simd == PC_SIMD_AVX2 ? pc_cell_kernels_avx2() : NULL;
    return avx2 == NULL ? &kernels : avx2;
}

/* ---- some cells of a group ------------------------------------------------------------------- */

static pc_status fail_profile(const job *j, const walk *w, int64_t cell, int64_t n, pc_error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (w->profile[i] >= j->factors->n_profiles)
            return pc_fail(err, PC_ERR_GROUP, "profile", -1, cell + i, "points outside its range");
    return pc_fail(err, PC_ERR_INTERNAL, "profile", -1, cell, "is in its range at second sight");
}

/* Elements of four bytes that touch; NULL where they are none, or may be missing. */
static const char *narrow_codes(const pc_column *column, int64_t row)
{
    const bool is_narrow = column->type == PC_UINT32 || column->type == PC_INT32;
    return is_narrow && pc_column_is_complete(column) ? pc_column_address(column, row) : NULL;
}

/* Whether all are in their range. */
static bool load_profiles(const job *j, int64_t cell, int64_t n, uint32_t *profile)
{
    const pc_column *column = j->cells->profile;
    const uint32_t n_profiles = (uint32_t)j->factors->n_profiles;
    const char *codes = narrow_codes(column, cell);
    if (codes != NULL) return j->kernels->copy(n, codes, profile) < n_profiles;
    const int64_t zero = column->type == PC_UINT64 ? INT64_MIN : 0; /* as an ordinal */
    return pc_column_load_code(column, cell, n, zero, n_profiles, 0, profile) == 0;
}

/* Where there are none, or they do not lie as they are read, these cells themselves. */
static pc_cell_ahead look_ahead(const job *j, int64_t cell, int64_t n, const walk *w)
{
    pc_cell_ahead ahead = {(const char *)w->profile, (const char *)w->weight};
    if (cell + AHEAD + n > j->n_cells) return ahead;
    const char *codes = narrow_codes(j->cells->profile, cell + AHEAD);
    if (codes != NULL) ahead.profile = codes;
    if (w->weight != w->weights) ahead.weight = pc_column_address(j->cells->weight, cell + AHEAD);
    return ahead;
}

static pc_status load_cells(const job *j, int64_t cell, int64_t n, walk *w, pc_error *err)
{
    const pc_cell_factors *factors = j->factors;
    if (cell >= w->next_look && pc_worker_stopped(w->worker))
        return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
    if (cell >= w->next_look) w->next_look = cell + PC_BLOCK;
    if (j->needs_profiles && !load_profiles(j, cell, n, w->profile))
        return fail_profile(j, w, cell, n, err);
    w->weight = pc_column_real(j->cells->weight, cell, n, w->weights);
    w->ahead = look_ahead(j, cell, n, w);
    if (!j->needs_profiles || factors->mask == NULL) return PC_OK;
    for (int64_t k = 0; k * PC_CELL_WORD < factors->n_bits; k++)
        for (int64_t i = 0; i < n; i++)
            w->word[k][i] = (uint32_t)(factors->mask[w->profile[i]] >> k * PC_CELL_WORD);
    return PC_OK;
}

static void add_by_bit(const job *j, int64_t n, const double *x, const walk *w, double *bit)
{
    for (int64_t k = 0; k * PC_CELL_WORD < j->factors->n_bits; k++) {
        const int64_t left = j->factors->n_bits - k * PC_CELL_WORD;
        const uint32_t *word = j->factors->mask == NULL ? w->profile : w->word[k];
        j->kernels->by_bit(n, x, word, left < PC_CELL_WORD ? left : PC_CELL_WORD,
                           bit + k * PC_CELL_WORD);
    }
}

/* By every factor and bit. */
static void add_cells(const job *j, int64_t n, walk *w)
{
    const pc_cell_factors *factors = j->factors;
    for (int64_t f = 0; f < factors->n; f++) {
        const double *factor = factors->factor + f * factors->n_profiles, *x = w->product;
        if (j->is_one[f]) {
            x = w->weight;
            w->sums[f] = j->kernels->sum(n, x);
        } else {
            w->sums[f] =
                j->kernels->multiply(n, w->weight, w->profile, factor, w->product, w->ahead);
        }
        if (f < factors->n_by_bit) add_by_bit(j, n, x, w, w->sums + factors->n + f * j->bit_room);
    }
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Cells of a group that has more than a block of them. */
static pc_status add_blocks(const job *j, int64_t first, int64_t end, walk *w, pc_error *err)
{
    for (int64_t k = 0; k < j->n_sums; k++) w->kept[k] = w->error[k] = 0.0;
    for (int64_t cell = first; cell < end; cell += PC_BLOCK) {
        const int64_t n = end - cell < PC_BLOCK ? end - cell : PC_BLOCK;
        const pc_status status = load_cells(j, cell, n, w, err);
        if (status != PC_OK) return status;
        add_cells(j, n, w);
        for (int64_t k = 0; k < j->n_sums; k++)
            w->kept[k] = pc_two_sum(w->kept[k], w->sums[k], &w->error[k]);
    }
    for (int64_t k = 0; k < j->n_sums; k++) w->sums[k] = pc_with_error(w->kept[k], w->error[k]);
    return PC_OK;
}

static pc_status add_group(const job *j, int64_t first, int64_t end, walk *w, pc_error *err)
{
    if (end - first > PC_BLOCK) return add_blocks(j, first, end, w, err);
    if (end == first) {
        for (int64_t k = 0; k < j->n_sums; k++) w->sums[k] = 0.0;
        return PC_OK;
    }
    const pc_status status = load_cells(j, first, end - first, w, err);
    if (status == PC_OK) add_cells(j, end - first, w);
    return status;
}

static void write_group(const job *j, int64_t group, const double *sums)
{
    const int64_t n = j->factors->n, n_by_bit = j->factors->n_by_bit, n_bits = j->factors->n_bits;
    double *sum = j->sum + group * n, *bit = j->bit + group * n_by_bit * n_bits;
    for (int64_t f = 0; f < n; f++) sum[f] = sums[f];
    for (int64_t f = 0; f < n_by_bit; f++)
        for (int64_t k = 0; k < n_bits; k++) bit[f * n_bits + k] = sums[n + f * j->bit_room + k];
}

static pc_status add_groups(const job *j, int64_t task, walk *w, pc_error *err)
{
    for (int64_t g = j->group[task]; g < j->group[task + 1]; g++) {
        const int64_t first = j->cells->start[g], end = j->cells->start[g + 1];
        if (first < 0 || end < first || end > j->n_cells)
            return pc_fail(err, PC_ERR_GROUP, "start", -1, g, "goes down, or beyond the cells");
        const pc_status status = add_group(j, first, end, w, err);
        if (status != PC_OK) return status;
        write_group(j, g, w->sums);
    }
    return PC_OK;
}

static pc_status run_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const job *j = arg;
    pc_memory *memory = &worker->ctx->memory;
    walk *w = pc_alloc(memory, 1, sizeof *w);
    double *sums = pc_alloc(memory, j->n_sums, 3 * sizeof *sums);
    pc_status status = PC_ERR_MEMORY;
    if (w == NULL || sums == NULL) {
        pc_fail(err, status, "", -1, -1, "no memory for sums of cells");
    } else {
        w->worker = worker;
        w->next_look = 0;
        w->sums = sums;
        w->kept = sums + j->n_sums;
        w->error = sums + 2 * j->n_sums;
        status = add_groups(j, task, w, err);
    }
    pc_free(memory, w);
    pc_free(memory, sums);
    return status;
}

/* ---- the job --------------------------------------------------------------------------------- */

static pc_status check_inputs(pc_context *ctx, const pc_cells *cells, const pc_cell_factors *factors)
{
    const pc_column *profile = cells->profile, *weight = cells->weight;
    if (factors->n_bits < 0 || factors->n_bits > PC_CELL_MOST_BITS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "n_bits", -1, -1, "is more than 64, or negative");
    if (factors->n_by_bit < 0 || factors->n_by_bit > factors->n)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "n_by_bit", -1, -1,
                               "is more than the factors, or negative");
    if (factors->n_profiles > PC_CELL_MOST_PROFILES)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "factor", -1, -1, "is of more than 2^30 profiles");
    if (weight->n != profile->n)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "weight", -1, -1,
                               "has another number of cells than the profiles");
    if (!pc_type_is_integer(profile->type))
        return pc_context_fail(ctx, PC_ERR_TYPE, "profile", -1, -1, "is not of integers");
    if (pc_type_is_text(weight->type))
        return pc_context_fail(ctx, PC_ERR_TYPE, "weight", -1, -1, "is text, not a number");
    return PC_OK;
}

/* The first group from `low` on that starts at this cell or behind it. */
static int64_t group_from(const pc_cells *cells, int64_t low, int64_t cell)
{
    int64_t high = cells->n_groups;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (cells->start[middle] < cell) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Divide the groups, by cells: each group is as much work as some cells more. Gives the number of tasks. */
static int64_t divide(job *j)
{
    const int64_t wanted = (j->n_cells + j->cells->n_groups) / CELLS_OF_A_TASK + 1;
    const int64_t n_tasks = wanted < MOST_TASKS ? wanted : MOST_TASKS;
    for (int64_t t = 1; t < n_tasks; t++)
        j->group[t] = group_from(j->cells, j->group[t - 1], j->n_cells / n_tasks * t);
    j->group[n_tasks] = j->cells->n_groups;
    return n_tasks;
}

static bool is_all_one(int64_t n, const double *factor)
{
    for (int64_t i = 0; i < n; i++)
        if (factor[i] != 1.0) return false;
    return true;
}

static pc_status start_job(pc_context *ctx, job *j)
{
    const pc_cell_factors *factors = j->factors;
    j->is_one = pc_alloc(&ctx->memory, factors->n, sizeof *j->is_one);
    if (j->is_one == NULL)
        return pc_context_fail(ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for sums of cells");
    j->needs_profiles = factors->n_by_bit > 0;
    for (int64_t f = 0; f < factors->n; f++) {
        j->is_one[f] = is_all_one(factors->n_profiles, factors->factor + f * factors->n_profiles);
        j->needs_profiles = j->needs_profiles || !j->is_one[f];
    }
    const int64_t rest = factors->n_bits % PC_CELL_NIBBLE;
    j->bit_room = rest == 0 ? factors->n_bits : factors->n_bits + PC_CELL_NIBBLE - rest;
    j->n_sums = factors->n + factors->n_by_bit * j->bit_room;
    return PC_OK;
}

pc_status pc_cell_sums(pc_context *ctx, const pc_cells *cells, const pc_cell_factors *factors,
                       double *sum, double *bit)
{
    job j = {.cells = cells, .factors = factors, .sum = sum, .bit = bit};
    j.kernels = kernels_for(ctx->simd);
    j.n_cells = cells->profile->n;
    pc_status status = check_inputs(ctx, cells, factors);
    if (status == PC_OK) status = start_job(ctx, &j);
    if (status == PC_OK) {
        const double work = (double)j.n_cells * (1.0 + (double)j.n_sums / PC_CELL_NIBBLE);
        const int n_threads = work < SERIAL_WORK ? 1 : ctx->n_threads;
        status = pc_parallel_run(ctx, n_threads, divide(&j), run_task, &j);
    }
    pc_free(&ctx->memory, j.is_one);
    return status;
}
