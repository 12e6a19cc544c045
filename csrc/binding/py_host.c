#include "py_host.h"

static bool signal_is_pending(void *context)
{
    py_host *host = context;
    PyEval_RestoreThread(host->thread);
    const bool stop = PyErr_Occurred() != NULL || PyErr_CheckSignals() < 0;
    host->thread = PyEval_SaveThread();
    return stop;
}

void py_host_begin(py_host *host, pc_context *ctx)
{
    ctx->should_stop = signal_is_pending;
    ctx->host = host;
    host->thread = PyEval_SaveThread();
}

void py_host_end(py_host *host)
{
    PyEval_RestoreThread(host->thread);
}
