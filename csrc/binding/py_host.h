/*
 * Ctrl-C during work without the GIL: the core asks, the host takes the GIL for a moment and looks.
 *
 *     pc_context ctx;
 *     py_host host;
 *     py_host_begin(&host, &ctx);      gives up the GIL
 *     ... calls into the core with &ctx ...
 *     py_host_end(&host);              takes it back
 *
 * Signals are handled by Python's main thread only; a call from another one cannot be interrupted.
 */
#ifndef PY_HOST_H
#define PY_HOST_H

#include "py_module.h"

#include "pc_context.h"

typedef struct py_host {
    PyThreadState *thread;
} py_host;

/* Connect an initialised context with this thread, and give up the GIL. */
void py_host_begin(py_host *host, pc_context *ctx);

/* Take the GIL back. A pending exception (KeyboardInterrupt) may be set afterwards. */
void py_host_end(py_host *host);

#endif
