/*
 * The same household in two periods: ids of one side matched with ids of the other, and the moves from a
 * state to a state counted by group, or the row of each one's partner.
 *
 * Ids are one column or several, of integers, reals or text. Integers (several, where their ranges multiply
 * to less than 2^63) become one number; anything else becomes two words, and where these do not say all
 * (pc_column) equal words are compared in full, so that no two households are ever taken for one.
 *
 *   merge   one number, strictly ascending on both sides, no period column: shares of the rows, cut at the
 *           same number, are merged side by side. Nothing is stored.
 *   deal    otherwise: each side is dealt by a hash of its ids into buckets (Manegold, Boncz, Kersten 2002,
 *           IEEE TKDE 14(4) 709-730), and each bucket is matched in a table that stays in the second-level
 *           cache. Measured with 10 million ids on each side: 25 and 145 ms on two threads.
 *
 * An id stands once in a side. Counts and partners do not depend on the order of rows, on the way, or on the
 * number of threads.
 */
#ifndef PC_PANEL_H
#define PC_PANEL_H

#include "pc_column.h"
#include "pc_context.h"
#include "pc_group.h"

enum { PC_PANEL_MOST_IDS = 16, PC_PANEL_MOST_DIGITS = 16, PC_PANEL_MOST_STATES = 255 };

/* A column of ids. */
typedef struct pc_panel_id {
    const pc_column *column;
    bool has_missing_code; /* an integer that stands for missing */
    int64_t missing_code;
} pc_panel_id;

/* An integer column whose values low .. low+count-1 are digits of a code; any other is missing. */
typedef struct pc_panel_digit {
    const pc_column *column;
    int64_t low;
    uint32_t count;
    uint32_t scale;      /* of the digit in the code */
    const uint32_t *map; /* [count] digit of each value; NULL: value - low */
} pc_panel_digit;

typedef struct pc_panel_side {
    const char *ids_name, *keys_name; /* what errors call them */
    int64_t n;                        /* rows of all columns */
    int64_t n_ids;
    const pc_panel_id *ids;           /* [n_ids] */
    const pc_column *period;          /* integers; NULL: all rows belong to the side */
    int64_t value;                    /* of period, in the rows of the side */
    int64_t n_digits;
    const pc_panel_digit *digits;     /* [n_digits] they add up to the group, < n_groups */
    pc_panel_digit state;             /* < n_states; its scale is not used */
} pc_panel_side;

/* What is asked, and where it goes. */
typedef struct pc_panel_counts {
    int64_t n_groups, n_states; /* the state after the last one means missing */
    int64_t *moves; /* [n_groups x (n_states+1) x (n_states+1)] matched, by group and state before, then
                     * state after */
    int64_t *left;  /* [n_groups x (n_states+1)] not matched, of the first side */
    int64_t *came;  /* the same of the second side */
} pc_panel_counts;

/*
 * Match side[0], the earlier period, with side[1] and count. PC_ERR_VALUE for an id that a side holds twice,
 * with the smallest row that repeats one and, in the message, the row it repeats; PC_ERR_MISSING for a
 * missing id or digit of a group (its first row; `which` is the column); PC_ERR_TYPE, LENGTH; PC_ERR_LIMIT
 * when a row and a cell do not fit 62 bits together.
 * Memory: 8 bytes a row of both sides where ids become one number not too long (its bits and those of a cell
 * fit 62 and the logarithm of the rows), else 16; 24 for text and the like; nothing when merged. Tables of
 * counts: at most 64 MiB, or one.
 */
pc_status pc_panel_count(pc_context *ctx, const pc_panel_side side[2],
                         const pc_panel_counts *counts);

/* The same without groups and states: partner[s][i] is the row of the other side with the id of row i of
 * side s, -1 where there is none or row i is not of the side. partner[s] has side[s].n elements. */
pc_status pc_panel_match(pc_context *ctx, const pc_panel_side side[2], int64_t *const partner[2]);

/* Smallest and largest ordinal in n_columns integer columns; low > high when all are missing. */
pc_status pc_panel_range(pc_context *ctx, int64_t n_columns, const pc_column *const *columns,
                         int64_t *low, int64_t *high);

/*
 * Dense codes of the rows of some key columns, in order of no meaning but the same for any number of threads:
 * code [n]. The group that is returned holds one lane, lane 0, to ask for the keys of a code
 * (pc_group_key_value); the caller frees it. NULL after a failure, of pc_group_block.
 */
pc_group *pc_panel_codes(pc_context *ctx, const pc_column *const *keys, int64_t n_keys, int64_t n,
                         bool keep_missing, uint32_t *code);

#endif
