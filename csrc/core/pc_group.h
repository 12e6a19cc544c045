/*
 * Keys to codes: every row gets the code of its group, block by block, without a code array.
 *
 *   integer keys   a digit each, value - low; all digits make one mixed-radix number
 *   float, text    a dictionary of words (pc_dictionary), dense codes by first appearance; integers
 *                  too far apart for a digit too
 *
 * Where there are only integer keys and the radix number is small, it is the code itself (a "table":
 * direct address). Otherwise a dictionary turns (radix number, word codes) into dense codes, with an array
 * before it where radix numbers are not too many: so groups far apart (unit codes with gaps) have records
 * side by side. A key equal to that of the row before costs no look-up: registers come sorted by unit.
 *
 * Codes belong to a lane; pc_group_transfer carries groups from one lane to another, which serves for
 * wider ranges, for merging, and for joining the lanes at the end.
 */
#ifndef PC_GROUP_H
#define PC_GROUP_H

#include "pc_column.h"
#include "pc_context.h"
#include "pc_dictionary.h"

enum { PC_MAX_KEYS = 32 };

/* What is known of one key so far. */
typedef struct pc_group_key {
    bool is_word;      /* float, text, or integers too far apart; else a digit */
    pc_type type;      /* of the first column seen */
    bool is_seen;      /* low and high hold something */
    int64_t low, high; /* integer: ordinals of the values that are not missing */
    uint64_t scale;    /* of its digit in the radix number */
} pc_group_key;

/* How keys become codes. Plain data; owned by whoever holds it. */
typedef struct pc_group_scheme {
    int64_t n_keys;
    pc_group_key *key; /* [n_keys] */
    bool keep_missing; /* the digit after the last value means missing */
    bool is_table;
    int64_t n_radix;   /* radix numbers there are; codes of a table */
} pc_group_scheme;

typedef struct pc_group_lane {
    bool is_made;        /* on first use */
    pc_dictionary *word; /* [n_words] words of each word key, in key order */
    pc_dictionary *fold; /* [n_folds] (radix number or earlier code, code of the next word key) */
    uint32_t *direct;    /* [n_radix] where all keys are digits and n_radix is small: fold's codes */
} pc_group_lane;

typedef struct pc_group {
    pc_group_scheme scheme;
    int64_t n_words, n_folds, n_lanes;
    bool has_digits;
    pc_group_lane *lane; /* [n_lanes] */
} pc_group;

/*
 * Extend a scheme by the keys of n more rows: ranges, kinds, scales, and whether a table of at most
 * `most_table` codes will do. Start with a zeroed key array. Fails with PC_ERR_TYPE when a key changes
 * between integer, float and text; PC_ERR_LIMIT beyond PC_MAX_KEYS keys. Reads integer keys once.
 */
pc_status pc_group_scan(pc_context *ctx, pc_group_scheme *scheme, const pc_column *const *keys,
                        int64_t n, int64_t most_table);

/* The same from a few blocks of the rows, the first and the last among them: a row may lie outside. */
pc_status pc_group_guess(pc_context *ctx, pc_group_scheme *scheme, const pc_column *const *keys,
                         int64_t n, int64_t most_table);

/* Extend a scheme by the keys of another one; the same failures, and the table is for as many codes as
 * there are. */
pc_status pc_group_join_keys(pc_context *ctx, pc_group_scheme *scheme,
                             const pc_group_scheme *other);

/* Groups of n_lanes lanes; NULL when memory is out. The scheme's keys are copied. */
pc_group *pc_group_new(pc_context *ctx, const pc_group_scheme *scheme, int64_t n_lanes);
void pc_group_free(pc_context *ctx, pc_group *group); /* NULL is accepted */

/* Codes of rows row .. row+n-1 (n <= PC_BLOCK) of `keys`; row_offset is added to rows that are
 * remembered. Codes are < pc_group_n_codes(group, lane) afterwards. A missing key without
 * keep_missing, and a value outside the scanned range, fail with their row. */
pc_status pc_group_block(pc_context *ctx, pc_group *group, int64_t lane,
                         const pc_column *const *keys, int64_t row, int64_t n, int64_t row_offset,
                         uint32_t *code, pc_error *err);

/* One more than the largest code of the lane: all codes of a table, or those given so far. */
int64_t pc_group_n_codes(const pc_group *group, int64_t lane);

/* Put the groups of one lane into another group's lane: map[c] is the new code of c, for each c whose
 * live[c] is not 0 (NULL: all are). Ranges of `to` must hold those of `from`. On the calling thread only: it
 * asks the host on the way, and may give PC_ERR_INTERRUPTED. */
pc_status pc_group_transfer(pc_context *ctx, const pc_group *from, int64_t from_lane,
                            const uint8_t *live, int64_t row_offset, pc_group *to,
                            int64_t to_lane, int64_t *map);

/* Key k of a code: an integer key's value (uint64: its bits); else the first row of the word. */
int64_t pc_group_key_value(const pc_group *group, int64_t lane, int64_t code, int64_t k,
                           bool *is_missing);

/* The same of n codes (NULL: 0 .. n - 1) at once. value, missing [n]. */
void pc_group_key_values(const pc_group *group, int64_t lane, int64_t n, const int64_t *code,
                         int64_t k, int64_t *value, uint8_t *missing);

#endif
