#include "pc_context.h"

#include <stddef.h>

void pc_context_init(pc_context *ctx)
{
    pc_memory_init(&ctx->memory);
    pc_fail(&ctx->error, PC_OK, "", -1, -1, "");
    ctx->simd = pc_cpu_simd();
    ctx->n_threads = pc_cpu_threads();
    atomic_init(&ctx->stop, 0);
    ctx->next_poll_ns = 0;
    ctx->should_stop = NULL;
    ctx->host = NULL;
}

pc_status pc_context_fail(pc_context *ctx, pc_status status, const char *argument, int64_t which,
                          int64_t index, const char *message)
{
    return pc_fail(&ctx->error, status, argument, which, index, message);
}
