/*
 * Totals by group and sampling unit: what a pass comes to whose first key is a unit.
 *
 * Cells have positions, by group and unit: in a table of direct codes the code itself, the unit being the lowest
 * digit; else an order that is made of the codes. The positions of a group are cut into chunks, which threads share:
 * every chunk knows how many cells it has and what they come to. The sums of a group are those of its chunks, in
 * order, and so depend neither on the threads nor on the other groups.
 */
#include "pc_parallel.h"
#include "pc_total_state.h"

#include <string.h>

enum { TASKS = 16, CHUNK = 2048, STRIP = 64, SERIAL_CELLS = 10000 };

/* ---- positions --------------------------------------------------------------------------------- */

static int64_t record_at(const pc_total_units *units, int64_t position)
{
    return units->order == NULL ? position : units->order[position];
}

static int64_t group_at(const pc_total_units *units, int64_t position)
{
    return units->order == NULL ? position / units->n_digits : units->group[units->order[position]];
}

static int64_t unit_at(const pc_total_units *units, int64_t position)
{
    return units->order == NULL ? position % units->n_digits : units->unit[units->order[position]];
}

static const double *numbers_at(const pc_total_units *units, int64_t position)
{
    return units->record + record_at(units, position) * units->pitch;
}

/* Where the chunks start; into `starts` unless it is NULL. Gives how many there are. */
static int64_t cut(const pc_total_units *units, int64_t *starts)
{
    int64_t n = 0;
    for (int64_t p = 0; p < units->n_positions; n++) {
        const int64_t group = group_at(units, p);
        int64_t end = p + CHUNK < units->n_positions ? p + CHUNK : units->n_positions;
        if (units->order == NULL && end > (group + 1) * units->n_digits) end = (group + 1) * units->n_digits;
        if (starts != NULL) starts[n] = p;
        for (p = units->order == NULL ? end : p; p < end && group_at(units, p) == group;) p++;
    }
    if (starts != NULL) starts[n] = units->n_positions;
    return n;
}

/* ---- chunks ------------------------------------------------------------------------------------ */

typedef struct chunk {
    int64_t n_cells;
    bool is_live;   /* a row of it was seen */
    bool is_broken; /* by a cell without a unit */
} chunk;

typedef struct count_job {
    pc_total *total;
    chunk *chunk; /* [n_chunks] */
    double *sums; /* [n_chunks x n_values] */
    const pc_total_lane *plain[2];
    bool is_table, is_plain;
} count_job;

/* Where only rows outside the domain were seen. */
static bool was_seen(const pc_total *total, int64_t first, int64_t end)
{
    for (int64_t l = 0; l < total->n_lanes; l++) {
        const pc_total_lane *lane = &total->lane[l];
        for (int64_t code = first; lane->seen != NULL && code < end && code < lane->room; code++)
            if (lane->seen[code]) return true;
    }
    return false;
}

/* The numbers of direct codes, from all lanes; they stay in the records of the first one. values: of STRIP codes. */
static void join_lanes(const count_job *job, int64_t first, int64_t end, double *sum, double *values)
{
    const pc_total *total = job->total;
    const pc_record_layout *layout = &total->layout;
    double *record = total->lane[0].table + (first + 1) * layout->stride;
    if (job->is_plain) pc_total_finish_plain(total, job->plain, first, end - first, values);
    for (int64_t code = first; code < end; code++, record += layout->stride, values += layout->n_values) {
        if (!job->is_plain) pc_total_finish_code(total, code, sum, values);
        pc_record_store(layout, values, record);
    }
}

/* Add the numbers of a strip of cells to a chunk. */
static void count_strip(const count_job *job, int64_t first, int64_t end, const double *strip, chunk *its_chunk,
                        double *sums)
{
    const pc_total *total = job->total;
    const pc_total_units *units = &total->units;
    const int64_t n_values = total->layout.n_values;
    const bool may_break = units->order != NULL || units->n_digits > units->n_units;
    int64_t n_cells = 0, n_rows = 0;
    for (int64_t p = first; p < end; p++) {
        const double *values = job->is_table ? strip + (p - first) * n_values : numbers_at(units, p);
        for (int64_t k = 0; k < n_values; k++) sums[k] += values[k];
        n_cells += values[PC_RECORD_WEIGHT] > 0;
        n_rows += values[PC_RECORD_N] > 0;
        if (may_break && values[PC_RECORD_N] > 0 && unit_at(units, p) >= units->n_units)
            its_chunk->is_broken = true;
    }
    its_chunk->n_cells += n_cells;
    its_chunk->is_live = its_chunk->is_live || n_rows > 0 || !job->is_table || was_seen(total, first, end);
}

static pc_status count_chunk(pc_worker *worker, const count_job *job, int64_t k, double *sum, double *values,
                             pc_error *err)
{
    const pc_total_units *units = &job->total->units;
    const int64_t end = units->chunk[k + 1];
    for (int64_t p = units->chunk[k]; p < end; p += STRIP) {
        const int64_t last = end - p < STRIP ? end : p + STRIP;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        if (job->is_table) join_lanes(job, p, last, sum, values);
        count_strip(job, p, last, values, &job->chunk[k], job->sums + k * job->total->layout.n_values);
    }
    return PC_OK;
}

static pc_status count_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const count_job *job = arg;
    const pc_total *total = job->total;
    const int64_t n = total->units.n_chunks;
    pc_status status = PC_OK;
    double *sum = pc_alloc(&worker->ctx->memory, 2 * total->layout.total, sizeof *sum);
    double *values = pc_alloc(&worker->ctx->memory, STRIP, (size_t)total->layout.n_values * sizeof *values);
    if (sum == NULL || values == NULL) status = pc_total_out_of_memory(err);
    for (int64_t k = n * task / TASKS; status == PC_OK && k < n * (task + 1) / TASKS; k++)
        status = count_chunk(worker, job, k, sum, values, err);
    pc_free(&worker->ctx->memory, sum);
    pc_free(&worker->ctx->memory, values);
    return status;
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* Add the chunks of the group at chunk *k, which moves behind them; whether a row of it was seen. */
static bool add_chunks(const pc_total *total, const count_job *job, int64_t *k, int64_t *n_cells, double *sums)
{
    const pc_total_units *units = &total->units;
    const int64_t n_values = total->layout.n_values, group = group_at(units, units->chunk[*k]);
    bool is_live = false;
    for (; *k < units->n_chunks && group_at(units, units->chunk[*k]) == group; ++*k) {
        units->first[*k] = *n_cells;
        *n_cells += job->chunk[*k].n_cells;
        is_live = is_live || job->chunk[*k].is_live;
        for (int64_t v = 0; v < n_values; v++) sums[v] += job->sums[*k * n_values + v];
    }
    return is_live;
}

/* The live groups, where their cells start and what they come to; of each chunk, its first cell. */
static pc_status put_groups(pc_context *ctx, pc_total *total, const count_job *job)
{
    const pc_total_units *units = &total->units;
    const int64_t n_values = total->layout.n_values;
    int64_t n_cells = 0, k = 0;
    for (int64_t c = 0; c < units->n_chunks; c++)
        if (job->chunk[c].is_broken)
            return pc_context_fail(ctx, PC_ERR_GROUP, "key", 0, -1, "changed while it was being read");
    total->n_groups = 0;
    do {
        double *sums = total->values + total->n_groups * n_values;
        bool is_live = total->plan.n_keys == 1; /* without keys of its own there is always one group */
        for (int64_t v = 0; v < n_values; v++) sums[v] = 0.0;
        total->start[total->n_groups] = n_cells;
        total->live[total->n_groups] = k < units->n_chunks ? record_at(units, units->chunk[k]) : 0;
        if (k < units->n_chunks) is_live = add_chunks(total, job, &k, &n_cells, sums) || is_live;
        total->n_groups += is_live;
    } while (k < units->n_chunks);
    total->start[total->n_groups] = n_cells;
    return PC_OK;
}

/* Count the cells, and join them in at most n_codes groups. */
static pc_status count_cells(pc_context *ctx, pc_total *total, int64_t n_codes, bool is_table)
{
    const int64_t n_values = total->layout.n_values, n_chunks = cut(&total->units, NULL);
    const int64_t most_groups = n_codes > 0 ? n_codes : 1;
    const int n_threads = total->units.n_positions < SERIAL_CELLS ? 1 : ctx->n_threads;
    count_job job = {.total = total, .is_table = is_table};
    int64_t *live = NULL;
    double *values = NULL;
    pc_status status = PC_ERR_MEMORY;
    job.is_plain = is_table && pc_total_find_plain(total, job.plain);
    total->units.n_chunks = n_chunks;
    total->units.chunk = pc_alloc(&ctx->memory, n_chunks + 1, sizeof *total->units.chunk);
    if (total->units.chunk == NULL) goto done;
    cut(&total->units, total->units.chunk);
    total->units.first = pc_alloc(&ctx->memory, n_chunks, sizeof *total->units.first);
    if (total->units.first == NULL) goto done;
    job.chunk = pc_alloc_zeroed(&ctx->memory, n_chunks, sizeof *job.chunk);
    if (job.chunk == NULL) goto done;
    job.sums = pc_alloc_zeroed(&ctx->memory, n_chunks * n_values, sizeof *job.sums);
    if (job.sums == NULL) goto done;
    live = pc_alloc(&ctx->memory, most_groups, sizeof *live);
    if (live == NULL) goto done;
    values = pc_alloc(&ctx->memory, most_groups * n_values, sizeof *values);
    if (values == NULL) goto done;
    total->start = pc_alloc(&ctx->memory, most_groups + 1, sizeof *total->start);
    if (total->start == NULL) goto done;
    status = pc_parallel_run(ctx, n_threads, TASKS, count_task, &job);
    if (status != PC_OK) goto done;
    total->units.cells = total->values; /* of each cell, where they are no table; now of each group */
    total->values = values;
    total->live = live;
    values = NULL;
    live = NULL;
    status = put_groups(ctx, total, &job);
done:
    if (status == PC_ERR_MEMORY) pc_total_out_of_memory(&ctx->error);
    pc_free(&ctx->memory, job.chunk);
    pc_free(&ctx->memory, job.sums);
    pc_free(&ctx->memory, live);
    pc_free(&ctx->memory, values);
    return status;
}

/* ---- cells that are no table ------------------------------------------------------------------- */

/* group [n] of the cells by one key more. */
static pc_status fold_key(pc_context *ctx, pc_total *total, int64_t k, int64_t n, int64_t *value,
                          uint8_t *missing, int64_t *n_codes)
{
    uint32_t *group = total->units.group;
    pc_dictionary fold;
    pc_status status = pc_dictionary_init(&fold, &ctx->memory);
    pc_group_key_values(total->group, 0, n, NULL, k, value, missing);
    for (int64_t c = 0; status == PC_OK && c < n; c++) {
        const pc_word word = {(uint64_t)value[c], 2 * (uint64_t)group[c] + missing[c], NULL};
        group[c] = pc_dictionary_find(&fold, word);
        if (group[c] == PC_NO_CODE) status = pc_dictionary_insert(&fold, word, c, &group[c]);
        if (status == PC_OK && c % PC_BLOCK == 0 && pc_caller_stopped(ctx)) status = PC_ERR_INTERRUPTED;
    }
    *n_codes = fold.n;
    pc_dictionary_free(&fold);
    if (status == PC_ERR_INTERRUPTED)
        return pc_context_fail(ctx, status, "", -1, -1, "stopped by the host");
    return status == PC_OK ? PC_OK : pc_total_out_of_memory(&ctx->error);
}

/* Numbers in the order of keys below n_keys, equal ones as they stood: from `before` (NULL: 0, 1 ...). place
 * [n_keys + 1]. */
static void sort_by(int64_t n, const uint32_t *key, int64_t n_keys, const uint32_t *before, int64_t *place,
                    uint32_t *after)
{
    memset(place, 0, (size_t)(n_keys + 1) * sizeof *place);
    for (int64_t c = 0; c < n; c++) place[key[c] + 1]++;
    for (int64_t k = 0; k < n_keys; k++) place[k + 1] += place[k];
    for (int64_t i = 0; i < n; i++) {
        const uint32_t c = before == NULL ? (uint32_t)i : before[i];
        after[place[key[c]]++] = c;
    }
}

/* Group and unit of each cell, and the cells in their order. */
static pc_status order_cells(pc_context *ctx, pc_total *total, int64_t *n_codes)
{
    pc_total_units *units = &total->units;
    const int64_t n = units->n_positions;
    int64_t *value = NULL, *place = NULL;
    uint8_t *missing = NULL;
    uint32_t *by_unit = NULL;
    pc_status status = PC_ERR_MEMORY;
    units->unit = pc_alloc(&ctx->memory, n, sizeof *units->unit);
    units->group = pc_alloc_zeroed(&ctx->memory, n, sizeof *units->group);
    units->order = pc_alloc(&ctx->memory, n, sizeof *units->order);
    if (units->unit == NULL || units->group == NULL || units->order == NULL) goto done;
    value = pc_alloc(&ctx->memory, n, sizeof *value);
    if (value == NULL) goto done;
    missing = pc_alloc(&ctx->memory, n, 1);
    if (missing == NULL) goto done;
    by_unit = pc_alloc(&ctx->memory, n, sizeof *by_unit);
    if (by_unit == NULL) goto done;
    pc_group_key_values(total->group, 0, n, NULL, 0, value, missing);
    for (int64_t c = 0; c < n; c++)
        units->unit[c] = missing[c] ? (uint32_t)units->n_units : (uint32_t)value[c];
    *n_codes = 1;
    status = PC_OK;
    for (int64_t k = 1; status == PC_OK && k < total->plan.n_keys; k++)
        status = fold_key(ctx, total, k, n, value, missing, n_codes);
    if (status != PC_OK) goto done;
    status = PC_ERR_MEMORY;
    place = pc_alloc(&ctx->memory, 2 + (units->n_units > *n_codes ? units->n_units : *n_codes), sizeof *place);
    if (place == NULL) goto done;
    sort_by(n, units->unit, units->n_units + 1, NULL, place, by_unit);
    sort_by(n, units->group, *n_codes, by_unit, place, units->order);
    status = PC_OK;
done:
    if (status == PC_ERR_MEMORY) pc_total_out_of_memory(&ctx->error);
    pc_free(&ctx->memory, value);
    pc_free(&ctx->memory, missing);
    pc_free(&ctx->memory, by_unit);
    pc_free(&ctx->memory, place);
    return status;
}

/* ---- finish and free --------------------------------------------------------------------------- */

static pc_status finish_table(pc_context *ctx, pc_total *total)
{
    pc_total_units *units = &total->units;
    const int64_t n = total->group->scheme.n_radix;
    const int64_t n_codes = total->plan.n_keys == 1 ? 1 : units->n_digits > 0 ? n / units->n_digits : 0;
    const pc_status status =
        pc_total_make_room(ctx, total, total->group, &total->lane[0], n, &ctx->error);
    if (status != PC_OK) return status;
    units->n_positions = units->n_digits > 0 ? n : 0;
    units->record = total->lane[0].table + total->layout.stride;
    units->pitch = total->layout.stride;
    units->is_lean = total->layout.form == PC_RECORD_LEAN;
    return count_cells(ctx, total, n_codes, true);
}

static pc_status finish_words(pc_context *ctx, pc_total *total)
{
    pc_total_units *units = &total->units;
    int64_t n_codes = 0;
    pc_status status = pc_total_finish_lanes(ctx, total);
    if (status != PC_OK) return status;
    units->n_positions = total->n_groups;
    units->record = total->values;
    units->pitch = total->layout.n_values;
    status = order_cells(ctx, total, &n_codes);
    return status == PC_OK ? count_cells(ctx, total, n_codes, false) : status;
}

pc_status pc_total_finish_units(pc_context *ctx, pc_total *total)
{
    const pc_group_scheme *scheme = &total->group->scheme;
    pc_total_units *units = &total->units;
    units->n_units = scheme->n_keys > 0 && scheme->key[0].is_seen ? scheme->key[0].high + 1 : 0;
    units->n_digits = units->n_units + scheme->keep_missing;
    if (scheme->n_radix == 0) units->n_digits = 0; /* no row was ever seen */
    return scheme->is_table ? finish_table(ctx, total) : finish_words(ctx, total);
}

void pc_total_free_units(pc_context *ctx, pc_total_units *units)
{
    pc_free(&ctx->memory, units->order);
    pc_free(&ctx->memory, units->unit);
    pc_free(&ctx->memory, units->group);
    pc_free(&ctx->memory, units->chunk);
    pc_free(&ctx->memory, units->first);
    pc_free(&ctx->memory, units->cells);
}

/* ---- read -------------------------------------------------------------------------------------- */

typedef struct read_job {
    const pc_total *total;
    const pc_total_cells *cells;
    int64_t n_cells;
} read_job;

static void read_chunk(const read_job *job, int64_t k)
{
    const pc_total *total = job->total;
    const pc_total_units *units = &total->units;
    const pc_total_cells *cells = job->cells;
    int64_t c = units->first[k], unit = unit_at(units, units->chunk[k]);
    for (int64_t p = units->chunk[k]; p < units->chunk[k + 1]; p++, unit++) {
        const double *numbers = numbers_at(units, p);
        if (!(numbers[PC_RECORD_WEIGHT] > 0)) continue;
        cells->unit[c] = units->order == NULL ? unit : unit_at(units, p);
        if (total->plan.n_made > 0) cells->n[c] = (int64_t)numbers[PC_RECORD_N];
        pc_record_read_cell(&total->layout, units->is_lean, numbers, job->n_cells, cells->weight + c,
                            cells->sum + c);
        c++;
    }
}

static pc_status read_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const read_job *job = arg;
    const int64_t n = job->total->units.n_chunks;
    for (int64_t k = n * task / TASKS; k < n * (task + 1) / TASKS; k++) {
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        read_chunk(job, k);
    }
    return PC_OK;
}

int64_t pc_total_n_cell_weights(const pc_total_plan *plan)
{
    const int64_t n_scores = pc_total_n_scores(plan);
    const bool may_differ = plan->n_values > 0 || plan->n_pairs > 0 || plan->n_made > 0 || plan->flags_may_miss;
    return n_scores > 0 && may_differ ? n_scores : 1;
}

pc_status pc_total_read_units(pc_context *ctx, const pc_total *total, const pc_total_cells *cells)
{
    const int n_threads = total->units.n_positions < SERIAL_CELLS ? 1 : ctx->n_threads;
    read_job job = {total, cells, total->start[total->n_groups]};
    memcpy(cells->start, total->start, ((size_t)total->n_groups + 1) * sizeof *cells->start);
    return pc_parallel_run(ctx, n_threads, TASKS, read_task, &job);
}
