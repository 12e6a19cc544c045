/* Blocks of rows as pc_panel matches them: ids as one number or two words, and the code of a cell. */
#ifndef PC_PANEL_IDS_H
#define PC_PANEL_IDS_H

#include "pc_panel.h"
#include "pc_sum.h"

typedef enum pc_panel_kind {
    PC_PANEL_NUMBER, /* a is an integer that says all; order counts */
    PC_PANEL_WORD,   /* a, b of one column; equal in full where the text is short */
    PC_PANEL_HASH,   /* a, b are hashes of several columns */
} pc_panel_kind;

typedef struct pc_panel_plan {
    pc_panel_kind kind;
    int64_t low[PC_PANEL_MOST_IDS]; /* several numbers: the least of each */
    uint64_t scale[PC_PANEL_MOST_IDS];
    uint64_t n_numbers; /* several numbers: how many there can be */
    bool may_need_bytes; /* words of text */
    bool has_counts;
    int64_t n_groups, n_states;
    int state_bits; /* of a cell's code: group << state_bits | state */
} pc_panel_plan;

typedef struct pc_panel_block {
    int64_t n; /* rows of the side */
    int32_t at[PC_BLOCK]; /* where each lies behind the block's first row */
    uint64_t a[PC_BLOCK], b[PC_BLOCK];
    uint32_t code[PC_BLOCK];
} pc_panel_block;

/* Check the columns and choose how ids are read; ranges of several integers are scanned. */
pc_status pc_panel_plan_ids(pc_context *ctx, const pc_panel_side side[2], pc_panel_plan *plan);

/* Rows row .. row+n-1: those of the side. Fails with the first row whose id or group is missing. */
pc_status pc_panel_load(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row, int64_t n,
                        bool with_codes, pc_panel_block *block, pc_error *err);

/* Ask for rows row .. row+n-1, as far as there are, ahead of loading them. */
void pc_panel_fetch(const pc_sum_kernels *kernels, const pc_panel_side *side, int64_t row, int64_t n);

/* Whether two rows have the same ids in full. */
bool pc_panel_same(const pc_panel_side *x, int64_t row_x, const pc_panel_side *y, int64_t row_y);

#endif
