/*
 * Mapped memory for blocks of 2 MiB and more, in whole huge pages; what is given back is kept for the next
 * who asks for about as much.
 *
 * Fresh pages have to be cleared by the operating system, one thread at a time: for a table of a few hundred
 * MiB that is a third of the time of filling it. Mappings that are kept are marked as free (MADV_FREE): the
 * system takes their pages when it is short of memory, and the next user writes to those it has not taken
 * without any clearing. At most PC_MAPPING_KEPT bytes are kept; the oldest mappings go first.
 *
 * What is kept belongs to the host, which hands it to every call (pc_memory); without it nothing is kept.
 * Safe from several threads at once. Nobody ever waits: a place that another thread is looking at counts as
 * neither free nor taken, and so a process may also fork at any time.
 */
#ifndef PC_MAPPING_H
#define PC_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_MAPPING_PAGE = 2 * 1024 * 1024 };
#define PC_MAPPING_KEPT ((int64_t)1024 * 1024 * 1024)

/* A place for a mapping that is kept; its own memory could not hold this: the system may clear it. */
typedef struct pc_mapping_place {
    _Atomic int state;
    void *start;
    size_t length;
    int64_t age; /* number of mappings given back before it */
} pc_mapping_place;

/* All zero at the beginning. */
enum { PC_MAPPING_PLACES = 64 };
typedef struct pc_mappings {
    pc_mapping_place place[PC_MAPPING_PLACES];
    _Atomic int64_t bytes; /* kept now */
    _Atomic int64_t n_given;
} pc_mappings;

/* A mapping of at least n_bytes at a multiple of PC_MAPPING_PAGE; *length is what it has, *is_zero whether
 * all of it is known to be zero. NULL: memory is out. `kept` may be NULL. n_bytes <= SIZE_MAX - 2 * PC_MAPPING_PAGE. */
void *pc_mapping_take(pc_mappings *kept, size_t n_bytes, size_t *length, bool *is_zero);

/* Give back a mapping of that length. */
void pc_mapping_give(pc_mappings *kept, void *start, size_t length);

/* Give all that is kept to the system. */
void pc_mapping_release(pc_mappings *kept);

#endif
