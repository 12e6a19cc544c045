/*
 * What travels with every call that allocates or starts threads. There are no mutable globals.
 */
#ifndef PC_CONTEXT_H
#define PC_CONTEXT_H

#include "pc_cpu.h"
#include "pc_memory.h"
#include "pc_status.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Asked by the calling thread about every 20 ms during long work; true means stop now. */
typedef bool (*pc_should_stop_fn)(void *host);

typedef struct pc_context {
    pc_memory memory;
    pc_error error; /* of the last call that failed */
    pc_simd simd;
    int n_threads;
    _Atomic int stop; /* set once, looked at by every worker at every block */
    pc_should_stop_fn should_stop; /* NULL: nobody asks */
    void *host;                    /* handed to should_stop */
    int64_t next_poll_ns; /* when the calling thread asks next: one rhythm over several runs */
} pc_context;

/* Defaults: threads and SIMD of this machine (pc_cpu), nobody asks to stop, no failure injected. */
void pc_context_init(pc_context *ctx);

/* Shorthand: pc_fail on the context's own record. */
pc_status pc_context_fail(pc_context *ctx, pc_status status, const char *argument, int64_t which,
                          int64_t index, const char *message);

#endif
