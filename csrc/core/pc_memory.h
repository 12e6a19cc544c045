/*
 * The one place where memory is taken: overflow-checked, counted, and able to fail on demand.
 *
 * Blocks are aligned to 64 bytes. Blocks of 2 MiB and more ask for huge pages, because a table that
 * is hit at random is otherwise bound by address translation. Safe from several threads at once.
 */
#ifndef PC_MEMORY_H
#define PC_MEMORY_H

#include "pc_mapping.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pc_memory {
    _Atomic int64_t in_use;    /* bytes handed out and not yet given back */
    _Atomic int64_t peak;      /* most bytes ever in use since pc_memory_reset_peak */
    _Atomic int64_t n_blocks;  /* blocks handed out and not yet given back */
    _Atomic int64_t fail_in;   /* 1: the next allocation fails, 2: the one after ...; 0: none does */
    _Atomic int64_t n_asked;   /* allocations asked for so far */
    pc_mappings *kept;         /* the host's: large blocks for later calls; NULL: none are kept */
} pc_memory;

void pc_memory_init(pc_memory *memory);

/* count * size bytes, not initialised; NULL when that overflows, memory is out, or a failure is
 * injected. count or size 0 gives a valid block of the smallest kind. */
void *pc_alloc(pc_memory *memory, int64_t count, size_t size);

/* The same, all bytes zero. */
void *pc_alloc_zeroed(pc_memory *memory, int64_t count, size_t size);

/* Give back; NULL is accepted. */
void pc_free(pc_memory *memory, void *block);

/* True when an injected failure is due now. Thread creation asks it too (pc_parallel). */
int pc_memory_injected_failure(pc_memory *memory);

void pc_memory_reset_peak(pc_memory *memory);

#endif
