/* What the parts of pc_panel share: the job, and cells counted by several threads. */
#ifndef PC_PANEL_STATE_H
#define PC_PANEL_STATE_H

#include "pc_panel_ids.h"
#include "pc_parallel.h"

#include <stdatomic.h>

enum { PC_PANEL_SERIAL_ROWS = 200000, PC_PANEL_LANES = 8 };

/* Tables of counts: moves, then left, then came; those of each lane, or one for all where they are
 * large. */
typedef struct pc_panel_tables {
    int64_t n_moves, n_states; /* numbers of moves, and of left: group and state */
    int64_t n_cells;           /* of one table */
    int64_t n_copies;          /* small tables of a lane, taken by turns: additions to one cell, one after
                                * the other, wait */
    bool is_shared;
    _Atomic int64_t *cell;
} pc_panel_tables;

typedef struct pc_panel_job {
    pc_panel_plan plan;
    const pc_panel_side *side; /* [2] */
    pc_panel_tables tables;
    int64_t *const *partner; /* [2], or NULL */
} pc_panel_job;

/* Whether both sides have numbers in strictly ascending order; then everything is counted and matched. */
pc_status pc_panel_merge(pc_context *ctx, pc_panel_job *job, bool *is_done);
pc_status pc_panel_deal(pc_context *ctx, pc_panel_job *job);

static inline _Atomic int64_t *pc_panel_table(const pc_panel_tables *tables, int64_t lane)
{
    const int64_t first = tables->is_shared ? 0 : lane * tables->n_copies * tables->n_cells;
    return tables->cell + first;
}

/* Add to a cell; a table of a lane's own needs no more than a plain addition. */
static inline void pc_panel_add(_Atomic int64_t *cell, int64_t amount, bool is_shared)
{
    if (is_shared) atomic_fetch_add_explicit(cell, amount, memory_order_relaxed);
    else
        atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + amount,
                              memory_order_relaxed);
}

#endif
