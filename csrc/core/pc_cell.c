#include "pc_cell.h"

#include "pc_cell_loops.h"
#include "pc_parallel.h"
#include "pc_two_sum.h"

enum { SERIAL_CELLS = 200000, CELLS_OF_A_TASK = 1 << 16, MOST_TASKS = 64, WORDS = 2 };

_Static_assert(PC_CELL_WORD * WORDS == PC_CELL_MOST_BITS, "the words of a mask hold all bits");

/* What the tasks share. A task has the cells of whole groups. */
typedef struct job {
    const pc_cells *cells;
    const pc_cell_factors *factors;
    const pc_cell_kernels *kernels;
    double *sum, *bit;
    bool *is_one;     /* [factors] whether it is 1 of every profile */
    int64_t bit_room; /* numbers by bit that the sums of a factor have room for */
    int64_t n_sums;   /* numbers of a group: one of each factor, then bit_room of each by bit */
    int64_t cell[MOST_TASKS + 1], group[MOST_TASKS + 1]; /* the first of each task */
} job;

/* Of one block of cells. */
typedef struct block {
    int64_t row, n;
    const double *weight;
    uint32_t group[PC_BLOCK], profile[PC_BLOCK], word[WORDS][PC_BLOCK];
    double weights[PC_BLOCK], product[PC_BLOCK];
} block;

/* One task under way. The cells before the last ones of a group are kept: their sums, with errors. */
typedef struct walk {
    const job *j;
    block *cells;
    double *sums, *kept, *error; /* [n_sums] */
    int64_t next;                /* the first group that is not written yet */
    bool is_kept;                /* some cells of that group are kept */
} walk;

static const pc_cell_kernels *kernels_for(pc_simd simd)
{
    const pc_cell_kernels *avx2 = simd == PC_SIMD_AVX2 ? pc_cell_kernels_avx2() : NULL;
    return avx2 == NULL ? &kernels : avx2;
}

/* ---- sums of one group ----------------------------------------------------------------------- */

/* Cells first .. first+n-1 of the block, by every factor and bit. */
static void add_cells(const job *j, block *b, int64_t first, int64_t n, double *sums)
{
    const pc_cell_factors *factors = j->factors;
    const double *weight = b->weight + first;
    double *bit = sums + factors->n;
    for (int64_t f = 0; f < factors->n; f++) {
        const double *factor = factors->factor + f * factors->n_profiles, *x = weight;
        if (j->is_one[f]) {
            sums[f] = j->kernels->sum(n, weight);
        } else {
            sums[f] = j->kernels->multiply(n, weight, b->profile + first, factor, b->product);
            x = b->product;
        }
        if (f >= factors->n_by_bit) continue;
        for (int64_t w = 0; w * PC_CELL_WORD < factors->n_bits; w++) {
            const int64_t left = factors->n_bits - w * PC_CELL_WORD;
            const uint32_t *word = factors->mask == NULL ? b->profile : b->word[w];
            j->kernels->by_bit(n, x, word + first, left < PC_CELL_WORD ? left : PC_CELL_WORD,
                               bit + w * PC_CELL_WORD);
        }
        bit += j->bit_room;
    }
}

static void put_aside(walk *w)
{
    for (int64_t k = 0; k < w->j->n_sums; k++) {
        if (!w->is_kept) w->kept[k] = w->error[k] = 0.0;
        w->kept[k] = pc_two_sum(w->kept[k], w->sums[k], &w->error[k]);
    }
    w->is_kept = true;
}

/* The next group's; NULL: it has no cells. */
static void write_group(walk *w, const double *sums)
{
    const job *j = w->j;
    const int64_t n = j->factors->n, n_by_bit = j->factors->n_by_bit, n_bits = j->factors->n_bits;
    double *sum = j->sum + w->next * n, *bit = j->bit + w->next * n_by_bit * n_bits;
    for (int64_t f = 0; f < n; f++) sum[f] = sums == NULL ? 0.0 : sums[f];
    for (int64_t f = 0; f < n_by_bit; f++)
        for (int64_t k = 0; k < n_bits; k++)
            bit[f * n_bits + k] = sums == NULL ? 0.0 : sums[n + f * j->bit_room + k];
    w->next++;
}

static void write_kept(walk *w)
{
    for (int64_t k = 0; k < w->j->n_sums; k++)
        w->sums[k] = pc_with_error(w->kept[k], w->error[k]);
    write_group(w, w->sums);
    w->is_kept = false;
}

/* ---- a task ---------------------------------------------------------------------------------- */

/* Of an unsigned column 0 is an ordinal too. */
static int64_t zero_of(const pc_column *column)
{
    return column->type == PC_UINT64 ? INT64_MIN : 0;
}

static int64_t load_codes(const pc_column *column, int64_t row, int64_t n, int64_t count,
                          uint32_t *code)
{
    return pc_column_load_code(column, row, n, zero_of(column), (uint32_t)count, 0, code);
}

static pc_status fail_cell(const job *j, const block *b, pc_error *err)
{
    for (int64_t i = 0; i < b->n; i++) {
        if (b->group[i] >= j->cells->n_groups)
            return pc_fail(err, PC_ERR_GROUP, "group", -1, b->row + i, "points outside its range");
        if (b->profile[i] >= j->factors->n_profiles)
            return pc_fail(err, PC_ERR_GROUP, "profile", -1, b->row + i, "points outside its range");
    }
    return pc_fail(err, PC_ERR_INTERNAL, "", -1, b->row, "a bad cell is not found again");
}

static pc_status load_block(const job *j, int64_t row, int64_t n, block *b, pc_error *err)
{
    const pc_cell_factors *factors = j->factors;
    b->row = row;
    b->n = n;
    const int64_t n_bad = load_codes(j->cells->group, row, n, j->cells->n_groups, b->group) +
                          load_codes(j->cells->profile, row, n, factors->n_profiles, b->profile);
    if (n_bad > 0) return fail_cell(j, b, err);
    b->weight = pc_column_real(j->cells->weight, row, n, b->weights);
    for (int64_t w = 0; factors->mask != NULL && w * PC_CELL_WORD < factors->n_bits; w++)
        for (int64_t i = 0; i < n; i++)
            b->word[w][i] = (uint32_t)(factors->mask[b->profile[i]] >> w * PC_CELL_WORD);
    return PC_OK;
}

static int64_t end_of_group(const block *b, int64_t first)
{
    int64_t i = first + 1;
    while (i < b->n && b->group[i] == b->group[first]) i++;
    return i;
}

/* The groups of a block; one that may go on behind it is left to the next block, unless it fills this one.
 * *n_done: cells that were added. */
static pc_status add_block(walk *w, int64_t end_group, bool is_last, int64_t *n_done, pc_error *err)
{
    block *b = w->cells;
    int64_t end = 0;
    for (int64_t first = 0; first < b->n; first = end) {
        const int64_t group = b->group[first];
        *n_done = first;
        end = end_of_group(b, first);
        const bool may_go_on = end == b->n && !is_last;
        if (may_go_on && first > 0) return PC_OK;
        if (w->is_kept && group != w->next) write_kept(w);
        if (group < w->next || group >= end_group)
            return pc_fail(err, PC_ERR_GROUP, "group", -1, b->row + first, "is before an earlier one");
        while (w->next < group) write_group(w, NULL);
        add_cells(w->j, b, first, end - first, w->sums);
        if (may_go_on || w->is_kept) put_aside(w);
        else write_group(w, w->sums);
    }
    *n_done = b->n;
    return PC_OK;
}

static pc_status walk_cells(pc_worker *worker, walk *w, int64_t task, pc_error *err)
{
    const int64_t end = w->j->cell[task + 1], end_group = w->j->group[task + 1];
    int64_t n_done = 0;
    for (int64_t row = w->j->cell[task]; row < end; row += n_done) {
        const int64_t n = end - row < PC_BLOCK ? end - row : PC_BLOCK;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        pc_status status = load_block(w->j, row, n, w->cells, err);
        if (status == PC_OK) status = add_block(w, end_group, row + n == end, &n_done, err);
        if (status != PC_OK) return status;
    }
    if (w->is_kept) write_kept(w);
    while (w->next < end_group) write_group(w, NULL);
    return PC_OK;
}

static pc_status run_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const job *j = arg;
    pc_memory *memory = &worker->ctx->memory;
    walk w = {.j = j, .next = j->group[task]};
    pc_status status;
    w.cells = pc_alloc(memory, 1, sizeof *w.cells);
    w.sums = pc_alloc(memory, j->n_sums, sizeof *w.sums);
    w.kept = pc_alloc(memory, j->n_sums, sizeof *w.kept);
    w.error = pc_alloc(memory, j->n_sums, sizeof *w.error);
    if (w.cells == NULL || w.sums == NULL || w.kept == NULL || w.error == NULL)
        status = pc_fail(err, PC_ERR_MEMORY, "", -1, -1, "no memory for sums of cells");
    else status = walk_cells(worker, &w, task, err);
    pc_free(memory, w.cells);
    pc_free(memory, w.sums);
    pc_free(memory, w.kept);
    pc_free(memory, w.error);
    return status;
}

/* ---- the job --------------------------------------------------------------------------------- */

static pc_status check_column(pc_context *ctx, const pc_column *column, int64_t n, bool is_code,
                              const char *argument)
{
    if (column->n != n)
        return pc_context_fail(ctx, PC_ERR_LENGTH, argument, -1, -1,
                               "has another number of cells than the groups");
    if (pc_type_is_text(column->type) || (is_code && !pc_type_is_integer(column->type)))
        return pc_context_fail(ctx, PC_ERR_TYPE, argument, -1, -1,
                               is_code ? "is not of integers" : "is text, not a number");
    return PC_OK;
}

static pc_status check_inputs(pc_context *ctx, const pc_cells *cells, const pc_cell_factors *factors)
{
    const int64_t n = cells->group->n;
    if (factors->n_bits < 0 || factors->n_bits > PC_CELL_MOST_BITS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "n_bits", -1, -1, "is more than 64, or negative");
    if (factors->n_by_bit < 0 || factors->n_by_bit > factors->n)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "n_by_bit", -1, -1,
                               "is more than the factors, or negative");
    if (factors->n_profiles > PC_CELL_MOST_PROFILES)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "factor", -1, -1, "is of more than 2^30 profiles");
    if (cells->n_groups < 0 || cells->n_groups >= UINT32_MAX)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "n_groups", -1, -1, "is not in 0 .. 2^32 - 2");
    pc_status status = check_column(ctx, cells->group, n, true, "group");
    if (status == PC_OK) status = check_column(ctx, cells->profile, n, true, "profile");
    if (status == PC_OK) status = check_column(ctx, cells->weight, n, false, "weight");
    return status;
}

/* The first cell that is not of a group before this one. */
static int64_t first_cell_of(const pc_cells *cells, uint32_t group)
{
    int64_t low = 0, high = cells->group->n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        uint32_t its;
        load_codes(cells->group, middle, 1, cells->n_groups, &its);
        if (its < group) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Divide the cells between groups. What is not in order, or changes meanwhile, is found by the tasks. */
static int64_t divide(job *j)
{
    const pc_cells *cells = j->cells;
    const int64_t n = cells->group->n, wanted = n / CELLS_OF_A_TASK + 1;
    const int64_t n_tasks = wanted < MOST_TASKS ? wanted : MOST_TASKS;
    for (int64_t t = 1; t < n_tasks; t++) {
        uint32_t group;
        load_codes(cells->group, n / n_tasks * t, 1, cells->n_groups, &group);
        const int64_t cell = first_cell_of(cells, group);
        const bool goes_on = group >= j->group[t - 1] && cell >= j->cell[t - 1];
        j->group[t] = goes_on ? group : j->group[t - 1];
        j->cell[t] = goes_on ? cell : j->cell[t - 1];
    }
    j->group[n_tasks] = cells->n_groups;
    j->cell[n_tasks] = n;
    return n_tasks;
}

static bool is_all_one(int64_t n, const double *factor)
{
    for (int64_t i = 0; i < n; i++)
        if (factor[i] != 1.0) return false;
    return true;
}

static pc_status describe(pc_context *ctx, job *j)
{
    const pc_cell_factors *factors = j->factors;
    j->is_one = pc_alloc(&ctx->memory, factors->n, sizeof *j->is_one);
    if (j->is_one == NULL)
        return pc_context_fail(ctx, PC_ERR_MEMORY, "", -1, -1, "no memory for sums of cells");
    for (int64_t f = 0; f < factors->n; f++)
        j->is_one[f] = is_all_one(factors->n_profiles, factors->factor + f * factors->n_profiles);
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
    pc_status status = check_inputs(ctx, cells, factors);
    if (status == PC_OK) status = describe(ctx, &j);
    if (status == PC_OK) {
        const int n_threads = cells->group->n < SERIAL_CELLS ? 1 : ctx->n_threads;
        status = pc_parallel_run(ctx, n_threads, divide(&j), run_task, &j);
    }
    pc_free(&ctx->memory, j.is_one);
    return status;
}
