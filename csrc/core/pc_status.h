/*
 * What went wrong, and where: the status every fallible function returns, and the record it fills.
 *
 * A failure is one line:  return pc_fail(err, PC_ERR_VALUE, "weight", -1, i, "is negative; ...");
 * No message holds a value of a row: household data are personal, rows are named by position.
 */
#ifndef PC_STATUS_H
#define PC_STATUS_H

#include <stdint.h>

typedef enum pc_status {
    PC_OK = 0,
    PC_ERR_MEMORY,      /* an allocation failed; everything already taken was given back */
    PC_ERR_INTERRUPTED, /* the host asked to stop (Ctrl-C) */
    PC_ERR_LENGTH,      /* columns of one call differ in length */
    PC_ERR_VALUE,       /* a value outside its range: weight < 0, flag not 0/1, not finite */
    PC_ERR_MISSING,     /* missing where a value must stand: weight, key */
    PC_ERR_GROUP,       /* a group code outside its range: the data changed while being read */
    PC_ERR_TYPE,        /* a column type that this argument does not take */
    PC_ERR_LIMIT,       /* more groups, keys or bytes than an index can hold */
    PC_ERR_INTERNAL,    /* a state that cannot be: a bug of ours */
    PC_STATUS_END
} pc_status;

/* argument: the role ("weight", "key", "flag" ...). which: number within the role, -1 if there is
 * one only. index: first bad row, -1 if none. message: the rest of the sentence. */
typedef struct pc_error {
    pc_status status;
    int64_t which;
    int64_t index;
    char argument[32];
    char message[160];
} pc_error;

/* Fill err (NULL is accepted) and return status. */
pc_status pc_fail(pc_error *err, pc_status status, const char *argument, int64_t which,
                  int64_t index, const char *message);

/* Short name of a status ("value", "memory" ...), for tests and logs; "unknown" outside the enum. */
const char *pc_status_name(pc_status status);

#endif
