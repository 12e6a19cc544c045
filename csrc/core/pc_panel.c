#include "pc_panel.h"

#include "pc_panel_state.h"

enum { MOST_TABLE_BYTES = 48 << 20, SMALL_TABLE_BYTES = 16 << 10 };

/* ---- tables of counts ------------------------------------------------------------------------ */

static int64_t count_tables(const pc_panel_tables *tables)
{
    return tables->is_shared ? 1 : PC_PANEL_LANES * tables->n_copies;
}

static pc_status plan_counts(pc_context *ctx, const pc_panel_counts *counts, pc_panel_plan *plan,
                             pc_panel_tables *tables)
{
    int bits = 1;
    if (counts->n_states < 1 || counts->n_states > PC_PANEL_MOST_STATES)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "state", -1, -1,
                               "has no value, or more than a panel can hold");
    while (((int64_t)1 << bits) < counts->n_states + 1) bits++;
    if (counts->n_groups < 1 || counts->n_groups > (int64_t)UINT32_MAX >> bits)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "key", -1, -1, "has no group, or too many");
    plan->has_counts = true;
    plan->n_groups = counts->n_groups;
    plan->n_states = counts->n_states;
    plan->state_bits = bits;
    tables->n_states = counts->n_groups << bits;
    tables->n_moves = tables->n_states << bits;
    tables->n_cells = tables->n_moves + 2 * tables->n_states;
    const int64_t bytes = tables->n_cells * (int64_t)sizeof *tables->cell;
    tables->is_shared = bytes > MOST_TABLE_BYTES / PC_PANEL_LANES;
    tables->n_copies = bytes > SMALL_TABLE_BYTES ? 1 : 2;
    const int64_t n_tables = count_tables(tables);
    tables->cell = pc_alloc(&ctx->memory, n_tables * tables->n_cells, sizeof *tables->cell);
    if (tables->cell == NULL)
        return pc_context_fail(ctx, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
    return PC_OK;
}

static void clear_tables(pc_panel_tables *tables)
{
    const int64_t n_cells = count_tables(tables) * tables->n_cells;
    for (int64_t i = 0; tables->cell != NULL && i < n_cells; i++)
        atomic_init(&tables->cell[i], 0);
}

static int64_t sum_of(const pc_panel_tables *tables, int64_t cell)
{
    int64_t sum = 0;
    for (int64_t t = 0; t < count_tables(tables); t++)
        sum += atomic_load_explicit(&tables->cell[t * tables->n_cells + cell],
                                    memory_order_relaxed);
    return sum;
}

/* Where sides were dealt, `left` holds all rows of the first one. */
static void read_counts(const pc_panel_job *job, const pc_panel_counts *counts, bool was_merged)
{
    const pc_panel_tables *t = &job->tables;
    const int64_t n = counts->n_states + 1, width = (int64_t)1 << job->plan.state_bits;
    for (int64_t g = 0; g < counts->n_groups; g++)
        for (int64_t s = 0; s < n; s++) {
            const int64_t code = g * width + s, out = g * n + s;
            int64_t n_matched = 0;
            for (int64_t to = 0; to < n; to++) {
                counts->moves[out * n + to] = sum_of(t, code * width + to);
                n_matched += counts->moves[out * n + to];
            }
            counts->left[out] = sum_of(t, t->n_moves + code) - (was_merged ? 0 : n_matched);
            counts->came[out] = sum_of(t, t->n_moves + t->n_states + code);
        }
}

/* ---- the two calls --------------------------------------------------------------------------- */

static pc_status run(pc_context *ctx, pc_panel_job *job, bool *was_merged)
{
    pc_status status = pc_panel_plan_ids(ctx, job->side, &job->plan);
    if (status != PC_OK) return status;
    clear_tables(&job->tables);
    status = pc_panel_merge(ctx, job, was_merged);
    if (status != PC_OK || *was_merged) return status;
    clear_tables(&job->tables);
    return pc_panel_deal(ctx, job);
}

pc_status pc_panel_count(pc_context *ctx, const pc_panel_side side[2],
                         const pc_panel_counts *counts)
{
    pc_panel_job job = {.side = side};
    bool was_merged = false;
    pc_status status = plan_counts(ctx, counts, &job.plan, &job.tables);
    if (status == PC_OK) status = run(ctx, &job, &was_merged);
    if (status == PC_OK) read_counts(&job, counts, was_merged);
    pc_free(&ctx->memory, job.tables.cell);
    return status;
}

pc_status pc_panel_match(pc_context *ctx, const pc_panel_side side[2], int64_t *const partner[2])
{
    pc_panel_job job = {.side = side, .partner = partner};
    bool was_merged = false;
    return run(ctx, &job, &was_merged);
}

/* ---- codes ----------------------------------------------------------------------------------- */

enum { RUN = 262144, LANES = PC_PANEL_LANES, NO_TABLE = 0 };

typedef struct code_job {
    const pc_column *const *keys;
    int64_t n, n_lanes;
    pc_group *group;
    uint32_t *code;
    int64_t *map[LANES]; /* of the lane's codes */
} code_job;

/* Rows of a lane: every n_lanes-th run. */
static pc_status code_lane(pc_worker *worker, int64_t lane, void *arg, pc_error *err)
{
    code_job *job = arg;
    for (int64_t run = lane * RUN; run < job->n; run += job->n_lanes * RUN)
        for (int64_t row = run; row < run + RUN && row < job->n; row += PC_BLOCK) {
            const int64_t n = job->n - row < PC_BLOCK ? job->n - row : PC_BLOCK;
            if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
            const pc_status status = pc_group_block(worker->ctx, job->group, lane, job->keys, row, n,
                                                    0, job->code + row, err);
            if (status != PC_OK) return status;
        }
    return PC_OK;
}

static pc_status recode_lane(pc_worker *worker, int64_t lane, void *arg, pc_error *err)
{
    code_job *job = arg;
    const int64_t *map = job->map[lane];
    for (int64_t run = lane * RUN; run < job->n; run += job->n_lanes * RUN) {
        const int64_t end = run + RUN < job->n ? run + RUN : job->n;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        for (int64_t row = run; row < end; row++) job->code[row] = (uint32_t)map[job->code[row]];
    }
    return PC_OK;
}

/* The groups of all lanes in one, lane by lane, and the rows' codes in it. NULL after a failure. */
static pc_group *join_lanes(pc_context *ctx, code_job *job, int n_threads)
{
    pc_group *joined = pc_group_new(ctx, &job->group->scheme, 1);
    pc_status status = PC_OK;
    if (joined == NULL) {
        pc_context_fail(ctx, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
        return NULL;
    }
    for (int64_t lane = 0; status == PC_OK && lane < job->n_lanes; lane++) {
        const int64_t n_codes = pc_group_n_codes(job->group, lane);
        job->map[lane] = pc_alloc(&ctx->memory, n_codes, sizeof *job->map[lane]);
        if (job->map[lane] == NULL)
            status = pc_context_fail(ctx, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
        else
            status = pc_group_transfer(ctx, job->group, lane, NULL, 0, joined, 0, job->map[lane]);
    }
    if (status == PC_OK) status = pc_parallel_run(ctx, n_threads, job->n_lanes, recode_lane, job);
    for (int64_t lane = 0; lane < job->n_lanes; lane++) pc_free(&ctx->memory, job->map[lane]);
    if (status == PC_OK) return joined;
    pc_group_free(ctx, joined);
    return NULL;
}

pc_group *pc_panel_codes(pc_context *ctx, const pc_column *const *keys, int64_t n_keys, int64_t n,
                         bool keep_missing, uint32_t *code)
{
    pc_group_key found[PC_MAX_KEYS] = {{0}};
    pc_group_scheme scheme = {.n_keys = n_keys, .key = found, .keep_missing = keep_missing};
    const int n_threads = n < PC_PANEL_SERIAL_ROWS ? 1 : ctx->n_threads;
    code_job job = {.keys = keys, .n = n, .n_lanes = n < RUN ? 1 : LANES, .code = code};
    pc_group *joined = NULL;
    if (pc_group_scan(ctx, &scheme, keys, n, NO_TABLE) != PC_OK) return NULL;
    job.group = pc_group_new(ctx, &scheme, job.n_lanes);
    if (job.group == NULL) {
        pc_context_fail(ctx, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
        return NULL;
    }
    if (pc_parallel_run(ctx, n_threads, job.n_lanes, code_lane, &job) == PC_OK)
        joined = join_lanes(ctx, &job, n_threads);
    pc_group_free(ctx, job.group);
    return joined;
}
