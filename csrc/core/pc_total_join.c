#include "pc_parallel.h"
#include "pc_total_state.h"

#include <string.h>

/* ---- room for groups ------------------------------------------------------------------------- */

bool pc_total_is_live(const pc_total *total, const pc_total_lane *lane, int64_t code)
{
    const int64_t n_slots = total->layout.stride / total->layout.slot;
    if (lane->seen != NULL && lane->seen[code]) return true;
    if (lane->table == NULL) return false;
    for (int64_t s = 0; lane->kept_at != NULL && s < n_slots; s++)
        if (lane->kept_at[(code + 1) * n_slots + s] > 0) return true;
    const double *record = lane->table + (code + 1) * total->layout.stride;
    return pc_record_has_rows(&total->layout, record, pc_total_count(lane, code + 1));
}

/* [room] 1 for each direct code that lives. */
static uint8_t *live_codes(pc_context *ctx, const pc_total *total, const pc_total_lane *lane)
{
    uint8_t *live = pc_alloc(&ctx->memory, lane->room, 1);
    if (live == NULL) {
        pc_total_out_of_memory(&ctx->error);
        return NULL;
    }
    for (int64_t c = 0; c < lane->room; c++) live[c] = pc_total_is_live(total, lane, c);
    return live;
}

uint8_t *pc_total_live_anywhere(pc_context *ctx, const pc_total *total)
{
    uint8_t *live = pc_alloc_zeroed(&ctx->memory, total->group->scheme.n_radix, 1);
    if (live == NULL) return NULL;
    if (total->plan.n_keys == 0) live[0] = 1; /* without keys there is always one group */
    for (int64_t c = 0; total->deal != NULL && c < total->group->scheme.n_radix; c++)
        if (!live[c]) live[c] = pc_total_is_dealt(total, c);
    for (int64_t l = 0; l < total->n_lanes; l++)
        for (int64_t c = 0; c < total->lane[l].room; c++)
            if (!live[c]) live[c] = pc_total_is_live(total, &total->lane[l], c);
    return live;
}

static bool same_scheme(const pc_group_scheme *a, const pc_group_scheme *b)
{
    bool same = a->is_table == b->is_table && a->n_radix == b->n_radix;
    for (int64_t k = 0; k < a->n_keys; k++)
        same = same && a->key[k].is_word == b->key[k].is_word && a->key[k].low == b->key[k].low &&
               a->key[k].scale == b->key[k].scale && a->key[k].is_seen == b->key[k].is_seen &&
               a->key[k].high == b->key[k].high;
    return same;
}

/* Add a slot to another one: into an empty place as it is, so that nothing is rounded; else to what is
 * kept of the place, or by two-sum. */
static pc_status join_slot(pc_context *ctx, const pc_total *total, const pc_total_lane *from,
                           int64_t from_slot, pc_total_lane *to, int64_t to_slot)
{
    const pc_record_layout *layout = &total->layout;
    double *more = from->table + from_slot * layout->slot, *place = to->table + to_slot * layout->slot;
    const int32_t from_kept = from->kept_at == NULL ? 0 : from->kept_at[from_slot];
    const uint16_t *more_count = pc_total_count(from, from_slot);
    uint16_t *count = pc_total_count(to, to_slot);
    const bool is_empty = count == NULL ? place[PC_RECORD_N] == 0 : *count == 0;
    double *kept = NULL;
    if (from_kept > 0 || (!is_empty && layout->form != PC_RECORD_SUMS)) {
        kept = pc_total_kept(ctx, total, to, to_slot);
        if (kept == NULL) return pc_total_out_of_memory(&ctx->error);
    }
    if (from_kept > 0)
        pc_record_add_kept(layout, kept, from->kept + (from_kept - 1) * 2 * layout->kept);
    if (!is_empty) {
        pc_record_add_slot(layout, kept == NULL ? place : kept, more, more_count);
        return PC_OK;
    }
    memcpy(place, more, (size_t)layout->slot * sizeof *place);
    if (count != NULL) *count = *more_count;
    return PC_OK;
}

/* Add the groups of lane l of `from` to lane `to`, which has the codes of lane to_lane of `group`. */
static pc_status join_lane(pc_context *ctx, const pc_total *from, int64_t l, int64_t row_offset,
                           pc_group *group, int64_t to_lane, pc_total_lane *to)
{
    const int64_t n_codes = pc_group_n_codes(from->group, l);
    const int64_t n_slots = from->layout.stride / from->layout.slot;
    const pc_total_lane *source = &from->lane[l];
    uint8_t *live = NULL;
    int64_t *map = NULL;
    pc_status status = PC_ERR_MEMORY;

    if (source->table == NULL) return PC_OK;
    if (from->group->scheme.is_table) {
        live = live_codes(ctx, from, source);
        if (live == NULL) goto done;
    }
    map = pc_alloc(&ctx->memory, n_codes, sizeof *map);
    if (map == NULL) {
        pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    status = pc_group_transfer(ctx, from->group, l, live, row_offset, group, to_lane, map);
    if (status == PC_OK)
        status = pc_total_make_room(ctx, from, group, to, pc_group_n_codes(group, to_lane),
                                    &ctx->error);
    for (int64_t c = 0; c < n_codes; c++) {
        if (status == PC_OK && c % PC_BLOCK == 0 && pc_caller_stopped(ctx))
            status = pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
        if (status != PC_OK) goto done;
        if (map[c] < 0) continue;
        for (int64_t s = 0; status == PC_OK && s < n_slots; s++)
            status = join_slot(ctx, from, source, (c + 1) * n_slots + s, to,
                               (map[c] + 1) * n_slots + s);
        if (status != PC_OK) goto done;
        if (to->seen != NULL) to->seen[map[c]] = 1;
    }
    to->where_missing += source->where_missing;
    to->zero_weights += source->zero_weights;
done:
    pc_free(&ctx->memory, live);
    pc_free(&ctx->memory, map);
    return status;
}

/* Give a lane the codes of a wider scheme. */
static pc_status move_lane(pc_context *ctx, pc_total *total, int64_t l, pc_group *wider)
{
    pc_total_lane moved = {0};
    const pc_status status = join_lane(ctx, total, l, 0, wider, l, &moved);
    if (status != PC_OK) {
        pc_total_free_lane(ctx, &moved);
        return status;
    }
    pc_total_free_lane(ctx, &total->lane[l]);
    total->lane[l] = moved;
    return PC_OK;
}

/* Add what was dealt in `from` to `to`, whose deal has the codes of `group`. */
static pc_status join_deal(pc_context *ctx, const pc_total *from, pc_group *group, pc_total *to)
{
    const int64_t n_codes = from->group->scheme.n_radix;
    int64_t *map = NULL;
    pc_status status = PC_ERR_MEMORY;
    uint8_t *live = pc_total_live_anywhere(ctx, from);
    if (live == NULL) goto done;
    map = pc_alloc(&ctx->memory, n_codes, sizeof *map);
    if (map == NULL) goto done;
    status = pc_group_transfer(ctx, from->group, 0, live, 0, group, 0, map);
    if (status == PC_OK)
        status = pc_deal_take(ctx, to->deal, from->deal, (int)from->plan.n_flags, map);
    for (int64_t c = 0; status == PC_OK && c < n_codes; c++)
        if (live[c]) pc_total_note_dealt(to, map[c]);
done:
    pc_free(&ctx->memory, live);
    pc_free(&ctx->memory, map);
    return status == PC_ERR_MEMORY ? pc_total_out_of_memory(&ctx->error) : status;
}

/* Give what was dealt the keys of a wider scheme. */
static pc_status move_deal(pc_context *ctx, pc_total *total, pc_group *wider)
{
    pc_total moved = {.plan = total->plan};
    pc_status status = pc_total_start_deal(ctx, &moved, wider->scheme.n_radix);
    if (status == PC_OK) status = join_deal(ctx, total, wider, &moved);
    pc_total_free_deal(ctx, status == PC_OK ? total : &moved);
    if (status != PC_OK) return status;
    total->deal = moved.deal;
    total->dealt = moved.dealt;
    return PC_OK;
}

pc_status pc_total_widen(pc_context *ctx, pc_total *total, const pc_group_scheme *scheme)
{
    pc_status status = PC_OK;
    if (total->group != NULL && same_scheme(&total->group->scheme, scheme)) return PC_OK;
    if (total->deal != NULL && !pc_total_can_deal(total, scheme))
        return pc_context_fail(ctx, PC_ERR_LIMIT, "total", -1, -1,
                               "has too many groups for a profile");
    pc_group *wider = pc_group_new(ctx, scheme, total->n_lanes);
    if (wider == NULL) return pc_total_out_of_memory(&ctx->error);
    if (total->group != NULL && total->deal != NULL) status = move_deal(ctx, total, wider);
    for (int64_t l = 0; total->group != NULL && total->deal == NULL && l < total->n_lanes; l++)
        if (status == PC_OK) status = move_lane(ctx, total, l, wider);
    if (status != PC_OK) {
        pc_group_free(ctx, wider);
        return status;
    }
    pc_group_free(ctx, total->group);
    total->group = wider;
    return PC_OK;
}

/* ---- merge ----------------------------------------------------------------------------------- */

/* The scheme that holds the keys of both. */
static pc_status join_schemes(pc_context *ctx, const pc_total *a, const pc_total *b,
                              pc_group_scheme *joined)
{
    *joined = a->group->scheme;
    joined->key = pc_alloc(&ctx->memory, joined->n_keys, sizeof *joined->key);
    if (joined->key == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t k = 0; k < joined->n_keys; k++) joined->key[k] = a->group->scheme.key[k];
    const pc_status status = pc_group_join_keys(ctx, joined, &b->group->scheme);
    if (a->deal == NULL && (joined->n_radix > pc_total_most_table(a) || !a->group->scheme.is_table))
        joined->is_table = false;
    return status;
}

static bool same_plan(const pc_total_plan *a, const pc_total_plan *b)
{
    return a->n_keys == b->n_keys && a->n_flags == b->n_flags && a->n_values == b->n_values &&
           a->n_pairs == b->n_pairs && a->n_made == b->n_made &&
           a->made_any_sign == b->made_any_sign && a->has_where == b->has_where &&
           a->keep_missing == b->keep_missing && a->flags_may_miss == b->flags_may_miss &&
           a->has_profile == b->has_profile && a->by_unit == b->by_unit;
}

static bool same_layout(const pc_total *a, const pc_total *b)
{
    return a->layout.form == b->layout.form && a->layout.stride == b->layout.stride &&
           a->layout.slot == b->layout.slot &&
           a->n_lanes == b->n_lanes && (a->deal == NULL) == (b->deal == NULL);
}

pc_status pc_total_merge(pc_context *ctx, pc_total *into, const pc_total *other)
{
    if (!same_plan(&into->plan, &other->plan) || into->is_finished || other->is_finished)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with an unfinished state of the same plan");
    if (other->group == NULL) return PC_OK;
    if (into->group == NULL && (into->n_lanes == 0 || other->deal != NULL)) {
        into->layout = other->layout;
        into->n_lanes = other->n_lanes;
        const int64_t n_codes = other->group->scheme.n_radix;
        if (other->deal != NULL && pc_total_start_deal(ctx, into, n_codes) != PC_OK) return PC_ERR_MEMORY;
    }
    if (!same_layout(into, other))
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with a state of the same expected_groups");
    pc_group_scheme joined = {0};
    pc_status status = into->group == NULL ? pc_total_widen(ctx, into, &other->group->scheme)
                                           : join_schemes(ctx, into, other, &joined);
    if (status == PC_OK && joined.key != NULL) status = pc_total_widen(ctx, into, &joined);
    pc_free(&ctx->memory, joined.key);
    if (status == PC_OK && into->deal != NULL)
        status = join_deal(ctx, other, into->group, into);
    for (int64_t l = 0; status == PC_OK && into->deal != NULL && l < PC_LANES; l++) {
        into->lane[l].where_missing += other->lane[l].where_missing;
        into->lane[l].zero_weights += other->lane[l].zero_weights;
    }
    for (int64_t l = 0; status == PC_OK && into->deal == NULL && l < into->n_lanes; l++)
        status = join_lane(ctx, other, l, into->n_rows, into->group, l, &into->lane[l]);
    if (status == PC_OK) into->n_rows += other->n_rows;
    return status;
}
