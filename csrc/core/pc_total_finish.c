#include "pc_parallel.h"
#include "pc_total_state.h"

#include <string.h>

enum { SERIAL_NUMBERS = 10000, FINISH_TASKS = 16 };
enum { STEP = 64 }; /* groups between two looks at the stop flag */

/* What finishing needs to know of the groups. */
typedef struct finish_job {
    pc_total *total;
    uint8_t *live; /* direct codes: [n_radix] 1 for each that lives in some lane */
    int64_t *code; /* else: the code of each group in each lane [n_lanes x n_groups]; -1: none */
} finish_job;

static int finish_threads(const pc_context *ctx, const pc_total *total, int64_t n_groups)
{
    return n_groups * total->layout.total < SERIAL_NUMBERS ? 1 : ctx->n_threads;
}

/* A share of the direct codes. */
static pc_status find_live(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const finish_job *job = arg;
    const pc_total *total = job->total;
    const int64_t n = total->group->scheme.n_radix;
    const int64_t begin = n * task / FINISH_TASKS, end = n * (task + 1) / FINISH_TASKS;
    if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    for (int64_t l = 0; l < total->n_lanes; l++)
        for (int64_t c = begin; c < end && c < total->lane[l].room; c++)
            if (!job->live[c]) job->live[c] = pc_total_is_live(total, &total->lane[l], c);
    return PC_OK;
}

/* The smallest code of a deal from `code` on that lives; n_radix: none does. */
static int64_t next_dealt(const pc_total *total, int64_t code)
{
    const int64_t n_codes = total->group->scheme.n_radix;
    while (code < n_codes && !pc_total_is_dealt(total, code))
        code += code % PC_TOTAL_WORD == 0 && total->dealt[code / PC_TOTAL_WORD] == 0 ? PC_TOTAL_WORD : 1;
    return code < n_codes ? code : n_codes;
}

/* The same of a deal: its codes may be many times its groups. */
static pc_status find_dealt(pc_context *ctx, pc_total *total)
{
    const int64_t n_codes = total->group->scheme.n_radix;
    total->n_groups = 0;
    for (int64_t c = next_dealt(total, 0); c < n_codes; c = next_dealt(total, c + 1)) total->n_groups++;
    total->live = pc_alloc(&ctx->memory, total->n_groups, sizeof *total->live);
    if (total->live == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t c = next_dealt(total, 0), g = 0; c < n_codes; c = next_dealt(total, c + 1))
        total->live[g++] = c;
    return PC_OK;
}

/* The direct codes that live are the groups; they are the same in all lanes. */
static pc_status find_direct(pc_context *ctx, pc_total *total, finish_job *job)
{
    const int64_t n = total->group->scheme.n_radix;
    job->live = pc_alloc_zeroed(&ctx->memory, n, 1);
    if (job->live == NULL) return pc_total_out_of_memory(&ctx->error);
    if (total->plan.n_keys == 0) job->live[0] = 1; /* without keys there is always one group */
    const pc_status status =
        pc_parallel_run(ctx, finish_threads(ctx, total, n), FINISH_TASKS, find_live, job);
    if (status != PC_OK) return status;
    total->n_groups = 0;
    for (int64_t c = 0; c < n; c++) total->n_groups += job->live[c];
    total->live = pc_alloc(&ctx->memory, total->n_groups, sizeof *total->live);
    if (total->live == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t c = 0, g = 0; g < total->n_groups; c++)
        if (job->live[c]) total->live[g++] = c;
    return PC_OK;
}

/* The groups of all lanes get codes of lane 0, after its own ones. */
static pc_status find_words(pc_context *ctx, pc_total *total, finish_job *job)
{
    int64_t most = 0, own[PC_LANES], *map = NULL;
    pc_status status = PC_ERR_MEMORY;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        own[l] = pc_group_n_codes(total->group, l);
        most += own[l];
    }
    map = pc_alloc(&ctx->memory, most, sizeof *map);
    if (map == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t l = 0, at = 0; l < total->n_lanes; at += own[l++]) {
        for (int64_t c = 0; l == 0 && c < own[0]; c++) map[c] = c;
        status = l == 0 ? PC_OK
                        : pc_group_transfer(ctx, total->group, l, NULL, 0, total->group, 0,
                                            map + at);
        if (status != PC_OK) goto done;
    }
    total->n_groups = pc_group_n_codes(total->group, 0);
    job->code = pc_alloc(&ctx->memory, total->n_groups * total->n_lanes, sizeof *job->code);
    if (job->code == NULL) {
        status = pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    for (int64_t k = 0; k < total->n_groups * total->n_lanes; k++) job->code[k] = -1;
    for (int64_t l = 0, at = 0; l < total->n_lanes; at += own[l++])
        for (int64_t c = 0; c < own[l]; c++) job->code[l * total->n_groups + map[at + c]] = c;
done:
    pc_free(&ctx->memory, map);
    return status;
}

/* The first cell of each group, once start[g + 1] says how many it has. */
static void add_starts(pc_total *total)
{
    total->start[0] = 0;
    for (int64_t g = 0; g < total->n_groups; g++) total->start[g + 1] += total->start[g];
}

static pc_status make_starts(pc_context *ctx, pc_total *total)
{
    if (!total->plan.has_profile) return PC_OK;
    total->start = pc_alloc_zeroed(&ctx->memory, total->n_groups + 1, sizeof *total->start);
    return total->start == NULL ? pc_total_out_of_memory(&ctx->error) : PC_OK;
}

/* Cells lie by group and combination already: they need only be counted. */
static void count_dealt(pc_total *total)
{
    const int64_t n_buckets = pc_deal_n_buckets(total->deal);
    for (int64_t b = 0, g = 0; b < n_buckets; b++) {
        const int64_t n = pc_deal_read(total->deal, b, NULL, NULL, NULL);
        for (int64_t c = 0, end = 0, code = 0; c < n; c = end) {
            end = pc_deal_run_end(total->deal, b, c, (int)total->plan.n_flags, &code);
            while (total->live[g] != code) g++;
            total->start[g + 1] += end - c;
        }
    }
}

static void sum_record(const pc_total *total, const pc_total_lane *lane, int64_t code, double *sum)
{
    const pc_record_layout *layout = &total->layout;
    const int64_t n_slots = layout->stride / layout->slot;
    pc_record_sum(layout, sum, lane->table + (code + 1) * layout->stride, pc_total_count(lane, code + 1));
    for (int64_t s = 0; lane->kept_at != NULL && s < layout->n_slots; s++) {
        const int32_t kept = lane->kept_at[(code + 1) * n_slots + s];
        if (kept > 0)
            pc_record_sum_kept(layout, sum, lane->kept + (kept - 1) * 2 * layout->kept);
    }
}

bool pc_total_find_plain(const pc_total *total, const pc_total_lane *plain[2])
{
    int n = 0;
    plain[0] = plain[1] = NULL;
    const bool is_lean = total->layout.form == PC_RECORD_LEAN;
    if (total->layout.form == PC_RECORD_CELLS || total->layout.n_slots != 1 ||
        (total->layout.slot != total->layout.n_values && !is_lean) || total->layout.stride != total->layout.slot)
        return false;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        if (total->lane[l].table == NULL) continue;
        if (n == 2 || total->lane[l].kept_at != NULL) return false;
        plain[n++] = &total->lane[l];
    }
    return n > 0;
}

/* What one or two lanes have of lean records. */
static void finish_lean(const pc_total *total, const pc_total_lane *const plain[2], int64_t code, int64_t n,
                        double *values)
{
    static const double nothing[PC_RECORD_LEAN_FIRST + PC_RECORD_MOST_LEAN] = {0};
    static const uint16_t no_rows = 0;
    const pc_record_layout *layout = &total->layout;
    for (int64_t c = code; c < code + n; c++, values += layout->n_values) {
        const double *record[2] = {nothing, nothing};
        const uint16_t *count[2] = {&no_rows, &no_rows};
        for (int l = 0; l < 2 && plain[l] != NULL; l++) {
            if (c >= plain[l]->room) continue;
            record[l] = plain[l]->table + (c + 1) * layout->stride;
            count[l] = plain[l]->count + (c + 1);
        }
        const double *first = record[0], *second = record[1];
        values[PC_RECORD_WEIGHT] = first[PC_RECORD_WEIGHT] + second[PC_RECORD_WEIGHT];
        values[PC_RECORD_N] = *count[0] + *count[1];
        for (int64_t k = PC_RECORD_LEAN_FIRST; k < layout->width; k++) values[k + 1] = first[k] + second[k];
    }
}

void pc_total_finish_plain(const pc_total *total, const pc_total_lane *const plain[2], int64_t code, int64_t n,
                           double *values)
{
    const int64_t width = total->layout.slot;
    if (total->layout.form == PC_RECORD_LEAN) {
        finish_lean(total, plain, code, n, values);
        return;
    }
    for (int64_t c = code; c < code + n; c++, values += width) {
        const double *record[2] = {NULL, NULL};
        for (int l = 0; l < 2 && plain[l] != NULL; l++)
            if (c < plain[l]->room) record[l] = plain[l]->table + (c + 1) * width;
        for (int64_t k = 0; k < width; k++)
            values[k] = (record[0] == NULL ? 0.0 : record[0][k]) + (record[1] == NULL ? 0.0 : record[1][k]);
    }
}

/* The code of a group in a lane; -1: the lane has no record of it. */
static int64_t code_in_lane(const finish_job *job, int64_t g, int64_t l)
{
    const pc_total *total = job->total;
    const int64_t code = job->code == NULL ? total->live[g] : job->code[l * total->n_groups + g];
    return code < total->lane[l].room ? code : -1;
}

static void finish_group(const finish_job *job, int64_t g, double *sum, double *values)
{
    const pc_total *total = job->total;
    memset(sum, 0, 2 * (size_t)total->layout.total * sizeof *sum);
    for (int64_t l = 0; l < total->n_lanes; l++) {
        const int64_t code = code_in_lane(job, g, l);
        if (code >= 0) sum_record(total, &total->lane[l], code, sum);
    }
    pc_record_finish(&total->layout, sum, values);
}

void pc_total_finish_code(const pc_total *total, int64_t code, double *sum, double *values)
{
    memset(sum, 0, 2 * (size_t)total->layout.total * sizeof *sum);
    for (int64_t l = 0; l < total->n_lanes; l++)
        if (code < total->lane[l].room) sum_record(total, &total->lane[l], code, sum);
    pc_record_finish(&total->layout, sum, values);
}

static void finish_profile(const finish_job *job, int64_t g, double *values)
{
    const pc_total *total = job->total;
    const pc_record_layout *layout = &total->layout;
    const int64_t n_slots = layout->stride / layout->slot;
    pc_record_part parts[PC_LANES];
    int64_t n_parts = 0;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        const pc_total_lane *lane = &total->lane[l];
        const int64_t record = code_in_lane(job, g, l) + 1;
        if (record == 0) continue;
        parts[n_parts++] = (pc_record_part){
            lane->table + record * layout->stride,
            lane->kept_at == NULL ? NULL : lane->kept_at + record * n_slots, lane->kept};
    }
    total->start[g + 1] = pc_record_finish_profile(layout, n_parts, parts, values);
}

/* A share of the groups: the records of all lanes are added in lane order. */
static pc_status finish_groups(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const finish_job *job = arg;
    const pc_total *total = job->total;
    const int64_t n = total->n_groups, end = n * (task + 1) / FINISH_TASKS;
    const int64_t step = total->plan.has_profile ? 1 : STEP;
    const pc_total_lane *plain[2];
    const bool is_plain = job->code == NULL && pc_total_find_plain(total, plain);
    pc_status status = PC_OK;
    double *sum = pc_alloc(&worker->ctx->memory, 2 * total->layout.total, sizeof *sum);
    if (sum == NULL) return pc_total_out_of_memory(err);
    for (int64_t g = n * task / FINISH_TASKS; status == PC_OK && g < end; g++) {
        double *values = total->values + g * total->layout.n_values;
        if (total->plan.has_profile) finish_profile(job, g, values);
        else if (is_plain) pc_total_finish_plain(total, plain, total->live[g], 1, values);
        else finish_group(job, g, sum, values);
        if (g % step == 0 && pc_worker_stopped(worker))
            status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    }
    pc_free(&worker->ctx->memory, sum);
    return status;
}

/* A state that never saw a row has no groups, or without keys one. */
static pc_status make_empty(pc_context *ctx, pc_total *total)
{
    const pc_group_scheme empty = {.is_table = true, .n_radix = total->plan.n_keys == 0};
    if (total->n_lanes == 0) pc_total_set_layout(total, 1);
    total->group = pc_group_new(ctx, &empty, total->n_lanes);
    return total->group == NULL ? pc_total_out_of_memory(&ctx->error) : PC_OK;
}

pc_status pc_total_finish_lanes(pc_context *ctx, pc_total *total)
{
    finish_job job = {.total = total};
    pc_status status = total->group->scheme.is_table ? find_direct(ctx, total, &job)
                                                     : find_words(ctx, total, &job);
    if (status == PC_OK) status = make_starts(ctx, total);
    if (status != PC_OK) goto done;
    total->values = pc_alloc(&ctx->memory, total->n_groups,
                             (size_t)total->layout.n_values * sizeof(double));
    if (total->values == NULL) {
        status = pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    status = pc_parallel_run(ctx, finish_threads(ctx, total, total->n_groups), FINISH_TASKS,
                             finish_groups, &job);
done:
    pc_free(&ctx->memory, job.live);
    pc_free(&ctx->memory, job.code);
    return status;
}

static pc_status finish_dealt(pc_context *ctx, pc_total *total)
{
    pc_status status = find_dealt(ctx, total);
    if (status == PC_OK) status = make_starts(ctx, total);
    if (status == PC_OK) count_dealt(total);
    return status;
}

pc_status pc_total_finish(pc_context *ctx, pc_total *total)
{
    pc_status status = PC_OK;
    if (total->is_finished) return PC_OK;
    if (total->group == NULL) status = make_empty(ctx, total);
    if (status == PC_OK && total->plan.by_unit) status = pc_total_finish_units(ctx, total);
    else if (status == PC_OK)
        status = total->deal == NULL ? pc_total_finish_lanes(ctx, total) : finish_dealt(ctx, total);
    if (status != PC_OK) return status;
    if (total->plan.has_profile) add_starts(total);
    const bool is_read_there = total->plan.by_unit && total->units.order == NULL; /* cells stay in the first lane */
    for (int64_t l = 0; l < total->n_lanes; l++) {
        total->where_missing += total->lane[l].where_missing;
        total->zero_weights += total->lane[l].zero_weights;
        if (l > 0 || !is_read_there) pc_total_free_lane(ctx, &total->lane[l]);
    }
    total->is_finished = true;
    return PC_OK;
}

/* ---- read ------------------------------------------------------------------------------------ */

int64_t pc_total_n_rows(const pc_total *total)
{
    return total->n_rows;
}

int64_t pc_total_where_missing(const pc_total *total)
{
    return total->where_missing;
}

int64_t pc_total_zero_weights(const pc_total *total)
{
    return total->zero_weights;
}

int64_t pc_total_n_groups(const pc_total *total)
{
    return total->n_groups;
}

static const double *values_of(const pc_total *total, int64_t g)
{
    return total->values + g * total->layout.n_values;
}

void pc_total_read(const pc_total *total, const pc_total_result *result)
{
    pc_record_read(&total->layout, total->n_groups, total->values, result->n, result->weight,
                   result->score_n, result->score_weight, result->sum);
}

int64_t pc_total_n_cells(const pc_total *total)
{
    return total->start == NULL ? 0 : total->start[total->n_groups];
}

void pc_total_read_starts(const pc_total *total, int64_t *start)
{
    if (!total->plan.has_profile) return;
    memcpy(start, total->start, ((size_t)total->n_groups + 1) * sizeof *start);
}

typedef struct read_job {
    const pc_total *total;
    int64_t *first; /* [n_buckets] of a deal: first cell of each bucket */
    uint32_t *mask;
    int64_t *n;
    double *weight;
} read_job;

static void read_bucket(const read_job *job, int64_t b)
{
    const uint32_t within = ((uint32_t)1 << job->total->plan.n_flags) - 1;
    const int64_t at = job->first[b];
    const int64_t n = pc_deal_read(job->total->deal, b, job->mask + at, job->n + at,
                                   job->weight + at);
    for (int64_t c = at; c < at + n; c++) job->mask[c] &= within;
}

static void read_group(const read_job *job, int64_t g)
{
    const int64_t at = job->total->start[g];
    pc_record_read_cells(&job->total->layout, values_of(job->total, g), job->mask + at,
                         job->n + at, job->weight + at);
}

/* A share of the groups, or of the buckets. */
static pc_status read_share(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const read_job *job = arg;
    const bool is_dealt = job->total->deal != NULL;
    const int64_t n = is_dealt ? pc_deal_n_buckets(job->total->deal) : job->total->n_groups;
    for (int64_t k = n * task / FINISH_TASKS; k < n * (task + 1) / FINISH_TASKS; k++) {
        if (is_dealt) read_bucket(job, k);
        else read_group(job, k);
        if (pc_worker_stopped(worker))
            return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    }
    return PC_OK;
}

pc_status pc_total_read_cells(pc_context *ctx, const pc_total *total, uint32_t *mask, int64_t *n,
                              double *weight)
{
    read_job job = {total, NULL, mask, n, weight};
    const int n_threads = pc_total_n_cells(total) < SERIAL_NUMBERS ? 1 : ctx->n_threads;
    if (!total->plan.has_profile) return PC_OK;
    if (total->deal != NULL) {
        const int64_t n_buckets = pc_deal_n_buckets(total->deal);
        job.first = pc_alloc(&ctx->memory, n_buckets, sizeof *job.first);
        if (job.first == NULL) return pc_total_out_of_memory(&ctx->error);
        for (int64_t b = 0, at = 0; b < n_buckets; b++) {
            job.first[b] = at;
            at += pc_deal_read(total->deal, b, NULL, NULL, NULL);
        }
    }
    const pc_status status = pc_parallel_run(ctx, n_threads, FINISH_TASKS, read_share, &job);
    pc_free(&ctx->memory, job.first);
    return status;
}

void pc_total_read_key(const pc_total *total, int64_t k, int64_t *value, uint8_t *missing)
{
    const int64_t own = k + total->plan.by_unit; /* the unit is not one of them */
    pc_group_key_values(total->group, 0, total->n_groups, total->live, own, value, missing);
}
