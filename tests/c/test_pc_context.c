#include "pc_context.h"
#include "pc_test.h"

#include <string.h>

/* A context where something else lay before. */
static void init_used_memory(pc_context *ctx)
{
    memset((void *)ctx, 0xa5, sizeof *ctx);
    pc_context_init(ctx);
}

static void a_new_context_has_this_machines_defaults(void)
{
    pc_context ctx;
    init_used_memory(&ctx);
    EXPECT(ctx.simd == pc_cpu_simd());
    EXPECT(ctx.n_threads == pc_cpu_threads());
    EXPECT(ctx.should_stop == NULL);
    EXPECT(atomic_load(&ctx.stop) == 0);
}

static void a_new_context_has_taken_no_memory_and_injects_no_failure(void)
{
    pc_context ctx;
    init_used_memory(&ctx);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    EXPECT(atomic_load(&ctx.memory.peak) == 0);
    EXPECT(atomic_load(&ctx.memory.n_blocks) == 0);
    EXPECT(atomic_load(&ctx.memory.n_asked) == 0);
    EXPECT(pc_memory_injected_failure(&ctx.memory) == 0);
}

static void two_contexts_share_nothing(void)
{
    pc_context one;
    pc_context other;
    pc_context_init(&one);
    pc_context_init(&other);
    void *block = pc_alloc(&one.memory, 10, 8);
    if (!EXPECT(block != NULL)) return;
    pc_context_fail(&one, PC_ERR_VALUE, "weight", -1, 0, "is negative");
    EXPECT(atomic_load(&other.memory.in_use) == 0);
    EXPECT(other.error.status == PC_OK);
    pc_free(&one.memory, block);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_new_context_has_this_machines_defaults),
        CLAIM(a_new_context_has_taken_no_memory_and_injects_no_failure),
        CLAIM(two_contexts_share_nothing),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
