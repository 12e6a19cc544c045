/*
 * Internal to pc_total: the state; how a block of rows is added to one lane of it (pc_total_rows.c); how groups
 * take other codes, and states are merged (pc_total_join.c); what it comes to (pc_total_finish.c).
 */
#ifndef PC_TOTAL_STATE_H
#define PC_TOTAL_STATE_H

#include "pc_deal.h"
#include "pc_group.h"
#include "pc_record.h"
#include "pc_sum.h"
#include "pc_total.h"

typedef struct pc_total_lane {
    double *table;    /* record 0 takes the rows outside the domain, group c is record c + 1 */
    uint16_t *count;  /* [room + 1] rows of each record that is lean; else NULL */
    int64_t room;     /* groups that fit */
    uint8_t *seen;    /* [room] direct codes with a domain: 1 where a row was seen */
    int32_t *kept_at; /* [slots of the table] 1 + where a slot is kept; 0: nowhere; made when needed */
    double *kept;     /* [kept_room x 2 kept] what was put aside */
    int64_t n_kept, kept_room;
    int64_t where_missing, zero_weights;
    double *strip;        /* scratch of record rows */
    double *made;         /* scratch of made scores: columns of PC_SCORE_ROWS, then parts of them */
    uint8_t *bits;        /* scratch: flags of the block, part by part */
    const uint8_t **part; /* where those of each part start */
    const double **made_part; /* where those of each part of made scores start */
    pc_error error;       /* of the smallest bad row of this lane */
} pc_total_lane;

/* Of finished totals by unit (pc_total_units.c). */
typedef struct pc_total_units {
    int64_t n_units, n_digits; /* units; digits that their key has in a code */
    int64_t n_positions;
    const double *record;      /* the finished numbers of each cell, `pitch` apart: in the first lane or in `cells` */
    int64_t pitch;
    bool is_lean;              /* they are those of lean records */
    double *cells;             /* [n_positions x n_values]; NULL of direct codes */
    uint32_t *order;           /* [n_positions] the cell at each position; NULL: direct codes, in order */
    uint32_t *unit, *group;    /* [n_positions] of each cell; the same */
    int64_t n_chunks;
    int64_t *chunk;            /* [n_chunks + 1] position where each starts */
    int64_t *first;            /* [n_chunks] its first cell */
} pc_total_units;

struct pc_total {
    pc_total_plan plan;
    pc_record_layout layout;
    int64_t n_lanes; /* 0: lanes and layout are not set yet */
    pc_group *group;
    pc_deal *deal; /* of a profile of many groups: has the cells, and the lanes have no tables */
    _Atomic uint64_t *dealt; /* a bit for each direct code of a deal: 1 where a row was seen */
    pc_total_lane lane[PC_LANES];
    int64_t n_rows;
    /* after finish */
    bool is_finished;
    int64_t n_groups, where_missing, zero_weights;
    int64_t *live;    /* [n_groups] direct codes of the groups; NULL: codes of lane 0, in order */
    double *values;   /* [n_groups x n_values]; NULL where rows are dealt */
    int64_t *start;   /* [n_groups + 1] of a profile, or by unit: first cell of each group */
    pc_total_units units;
};

/* A block of rows on its way into a lane, with its scratch. */
typedef struct pc_total_block {
    pc_context *ctx;
    pc_total *total;
    pc_total_lane *lane;
    int64_t lane_number;
    const pc_rows *rows;
    int64_t row, n; /* rows of the batch; n <= PC_BLOCK */
    const pc_sum_kernels *kernels;
    const uint8_t *inside; /* [n] 1 where the row is in the domain; NULL: all are */
    uint8_t where[PC_BLOCK];
    uint32_t code[PC_BLOCK]; /* of groups; then of records; then, unless lean, where they start in the table */
    double weight[PC_BLOCK];
    const double *u; /* weight x size of each row */
} pc_total_block;

/* A lane's table of profiles. */
static const int64_t pc_total_profile_bytes = 96 * 1024 * 1024;

pc_status pc_total_out_of_memory(pc_error *err);

/* Bytes of a record, and the count of a record of a lane: NULL where none is lean. */
int64_t pc_total_record_bytes(const pc_record_layout *layout);
uint16_t *pc_total_count(const pc_total_lane *lane, int64_t record);

void pc_total_free_lane(pc_context *ctx, pc_total_lane *lane);

/* Where what was put aside of a slot is kept; made on first use. NULL: memory is out. */
double *pc_total_kept(pc_context *ctx, const pc_total *total, pc_total_lane *lane, int64_t slot);

/* A table for n_codes codes of `group`; half as large again as before where codes come one by one. */
pc_status pc_total_make_room(pc_context *ctx, const pc_total *total, const pc_group *group,
                             pc_total_lane *lane, int64_t n_codes, pc_error *err);

/* Check and add the block. A failure names a bad row, not always the first one of the block. */
pc_status pc_total_add_block(pc_total_block *block, pc_error *err);

/* Lanes and layout for so many groups: fewer lanes where their tables would be too large to copy, or where
 * copying would cost more than adding rows; and the direct codes whose records fit. */
void pc_total_set_layout(pc_total *total, int64_t n_groups);
int64_t pc_total_most_table(const pc_total *total);

/* A profile of many groups is dealt where its keys number the groups, unless there would be too many cells. */
bool pc_total_can_deal(const pc_total *total, const pc_group_scheme *scheme);
pc_status pc_total_start_deal(pc_context *ctx, pc_total *total, int64_t n_codes);
void pc_total_free_deal(pc_context *ctx, pc_total *total);

enum { PC_TOTAL_WORD = 64 };

/* The lanes with records, when there are at most two, each of one slot without errors of its own and with
 * nothing put aside: the sum of two numbers is then rounded once, as it is with its error. Else false. */
bool pc_total_find_plain(const pc_total *total, const pc_total_lane *plain[2]);

/* What all lanes have of a direct code, in lane order: values [n_values]; of n codes, one after the other. sum
 * [2 x total] is scratch. */
void pc_total_finish_plain(const pc_total *total, const pc_total_lane *const plain[2], int64_t code, int64_t n,
                           double *values);
void pc_total_finish_code(const pc_total *total, int64_t code, double *sum, double *values);

/* Join the lanes: groups, and the numbers of each. */
pc_status pc_total_finish_lanes(pc_context *ctx, pc_total *total);

/* The same of totals by unit. */
pc_status pc_total_finish_units(pc_context *ctx, pc_total *total);
void pc_total_free_units(pc_context *ctx, pc_total_units *units);

/* Words of the bits of n codes; whether the bit of one is set, and setting it, which several threads may. */
int64_t pc_total_dealt_words(int64_t n_codes);
bool pc_total_is_dealt(const pc_total *total, int64_t code);
void pc_total_note_dealt(const pc_total *total, int64_t code);

/* A group of direct codes exists when a row of it was seen: outside the domain, in its record, or in what
 * was put aside of that, which leaves the record empty. */
bool pc_total_is_live(const pc_total *total, const pc_total_lane *lane, int64_t code);

/* [n_radix] 1 for each direct code that lives in some lane; NULL: memory is out. */
uint8_t *pc_total_live_anywhere(pc_context *ctx, const pc_total *total);

/* Take the scheme over; what the lanes hold follows when codes change. */
pc_status pc_total_widen(pc_context *ctx, pc_total *total, const pc_group_scheme *scheme);

#endif
