/*
 * A C test is a list of claims. A claim is a function named by what it states; it holds when all of
 * its expectations hold.
 *
 *     static void no_rows_give_no_groups(void) { EXPECT(n_groups == 0); }
 *
 *     int main(void)
 *     {
 *         static const pc_claim claims[] = {CLAIM(no_rows_give_no_groups)};
 *         return pc_test_run(claims, sizeof claims / sizeof *claims);
 *     }
 *
 * An expectation that fails prints where and what, and the claim goes on. Where it cannot go on, it
 * reads the value of EXPECT:  if (!EXPECT(block != NULL)) return;
 * tests/test_core_c.py builds and runs every file tests/c/test_*.c under the sanitizers.
 */
#ifndef PC_TEST_H
#define PC_TEST_H

#include "pc_context.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct pc_claim {
    const char *name;
    void (*check)(void);
} pc_claim;

#define CLAIM(function) {#function, function}
#define EXPECT(condition) pc_expect((condition), #condition, __FILE__, __LINE__)

static _Atomic int64_t n_broken_expectations;

static inline bool pc_expect(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        n_broken_expectations++;
        printf("%s:%d: not so: %s\n", file, line, text);
    }
    return holds;
}

/* Check all claims; 0 when all hold, else 1: what main returns. */
static inline int pc_test_run(const pc_claim *claims, size_t n_claims)
{
    int n_passed = 0;
    int n_failed = 0;
    for (size_t k = 0; k < n_claims; k++) {
        const int64_t before = n_broken_expectations;
        claims[k].check();
        if (n_broken_expectations == before) {
            n_passed++;
        } else {
            n_failed++;
            printf("FAILED %s\n", claims[k].name);
        }
    }
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed > 0 || n_claims == 0;
}

/* What a failing allocator is tried on. It gives back all it took, also when it succeeds, and on
 * success it has checked its own result with EXPECT. */
typedef pc_status (*pc_fallible_fn)(pc_context *ctx, void *arg);

enum { PC_MOST_ALLOCATIONS = 100000 }; /* of one call: more means that it never ends */

/* Run fn with the n-th allocation failing, for n = 1, 2, 3 ... until a run asks for fewer than n.
 * Expects PC_ERR_MEMORY each time, and every byte and block given back. Where threads may be
 * started (ctx->n_threads > 1) the failure may hit a thread's creation, which costs only time: then
 * PC_OK is right too. Gives the number of allocations and threads that were asked for. */
static inline int64_t pc_test_failing_allocator(pc_context *ctx, pc_fallible_fn fn, void *arg)
{
    const int64_t bytes_before = atomic_load(&ctx->memory.in_use);
    const int64_t blocks_before = atomic_load(&ctx->memory.n_blocks);
    for (int64_t n = 1; n <= PC_MOST_ALLOCATIONS; n++) {
        atomic_store(&ctx->memory.fail_in, n);
        const pc_status status = fn(ctx, arg);
        const bool nothing_failed = atomic_exchange(&ctx->memory.fail_in, 0) > 0;
        const bool bytes_back = EXPECT(atomic_load(&ctx->memory.in_use) == bytes_before);
        const bool blocks_back = EXPECT(atomic_load(&ctx->memory.n_blocks) == blocks_before);
        const bool right_status =
            nothing_failed
                ? EXPECT(status == PC_OK)
                : EXPECT(status == PC_ERR_MEMORY || (status == PC_OK && ctx->n_threads > 1));
        if (!bytes_back || !blocks_back || !right_status) {
            printf("  with allocation %lld failing: status %s\n", (long long)n,
                   pc_status_name(status));
            return n - 1;
        }
        if (nothing_failed) return n - 1;
    }
    EXPECT(!"the call ends after a bounded number of allocations");
    return PC_MOST_ALLOCATIONS;
}

#endif
