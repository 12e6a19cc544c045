/*
 * Threads, started and joined inside one call. Nothing lives between calls.
 *
 * Tasks 0 .. n_tasks-1 are handed out by a counter; the calling thread works too. What a task adds
 * must depend on its number alone, never on the thread that runs it: then the answer does not depend
 * on the number of threads. When a thread cannot be started (or a failure is injected), the others
 * do its share: the same bits, no error.
 *
 * Interrupt: the calling thread asks ctx->should_stop about every 20 ms, while working (through
 * pc_worker_stopped) and while waiting for the others (a timed wait, never a bare join). Workers
 * block all signals and look at the stop flag at every block.
 */
#ifndef PC_PARALLEL_H
#define PC_PARALLEL_H

#include "pc_context.h"

#include <stdint.h>

typedef struct pc_worker {
    pc_context *ctx;
    int is_caller;        /* runs on the thread that made the call */
    int64_t next_poll_ns; /* caller only: when to ask the host again */
} pc_worker;

/* One task. A failing task fills *err; the failure of the smallest task number is the call's. */
typedef pc_status (*pc_task_fn)(pc_worker *worker, int64_t task, void *arg, pc_error *err);

/* True when the work must stop. Call it once per block of rows. */
bool pc_worker_stopped(pc_worker *worker);

/* The same for long work that the calling thread does between runs; call it every few thousand steps. */
bool pc_caller_stopped(pc_context *ctx);

/* Run all tasks on at most n_threads threads, the caller included; n_threads <= 1 starts none.
 * PC_OK; or PC_ERR_INTERRUPTED; or the status of the smallest task that failed (ctx->error holds
 * its record). Tasks not yet started are skipped once one has failed or a stop was asked.
 * Allocates only through ctx->memory, and needs none when n_threads <= 1. */
pc_status pc_parallel_run(pc_context *ctx, int n_threads, int64_t n_tasks, pc_task_fn fn,
                          void *arg);

#endif
