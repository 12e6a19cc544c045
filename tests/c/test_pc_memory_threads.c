/* Under the thread sanitizer big blocks are mapped, as in a release; under the address sanitizer
 * all blocks come from the C library. Each claim holds on both ways. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "pc_memory.h"
#include "pc_test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { BIG = 2 * 1024 * 1024 };

/* Sizes around every border: none, one byte, a line of 64, a page, the first mapped block. */
static const int64_t sizes[] = {0,    1,       63,      64,      65,  4096,
                                8191, BIG - 1, BIG, BIG + 1, 3 * BIG, 5 * BIG + 12345};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static void blocks_start_at_multiples_of_64_bytes(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    for (int k = 0; k < N_SIZES; k++) {
        void *block = pc_alloc(&memory, sizes[k], 1);
        EXPECT(block != NULL);
        EXPECT((uintptr_t)block % 64 == 0);
        pc_free(&memory, block);
    }
}

static void bytes_and_blocks_are_counted_exactly(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    void *blocks[N_SIZES];
    int64_t bytes = 0;
    for (int k = 0; k < N_SIZES; k++) {
        blocks[k] = pc_alloc(&memory, sizes[k], 3);
        if (!EXPECT(blocks[k] != NULL)) return;
        bytes += 3 * sizes[k];
        EXPECT(atomic_load(&memory.in_use) == bytes);
        EXPECT(atomic_load(&memory.n_blocks) == k + 1);
        EXPECT(atomic_load(&memory.n_asked) == k + 1);
    }
    EXPECT(atomic_load(&memory.peak) == bytes);
    for (int k = 0; k < N_SIZES; k++) pc_free(&memory, blocks[k]);
    EXPECT(atomic_load(&memory.in_use) == 0);
    EXPECT(atomic_load(&memory.n_blocks) == 0);
    EXPECT(atomic_load(&memory.peak) == bytes);
    pc_memory_reset_peak(&memory);
    EXPECT(atomic_load(&memory.peak) == 0);
}

static bool all_bytes_are(const unsigned char *block, int64_t n, unsigned char value)
{
    for (int64_t i = 0; i < n; i++) {
        if (block[i] != value) return false;
    }
    return true;
}

static void zeroed_blocks_are_zero_also_where_used_memory_comes_back(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < N_SIZES; k++) {
            unsigned char *block = pc_alloc_zeroed(&memory, sizes[k], 1);
            if (!EXPECT(block != NULL)) return;
            EXPECT(all_bytes_are(block, sizes[k], 0));
            memset(block, 0xff, (size_t)sizes[k]);
            pc_free(&memory, block);
        }
    }
}

static void every_byte_of_a_block_can_be_written_and_read(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    for (int k = 0; k < N_SIZES; k++) {
        unsigned char *block = pc_alloc(&memory, sizes[k], 1);
        if (!EXPECT(block != NULL)) return;
        memset(block, 0xa5, (size_t)sizes[k]);
        EXPECT(all_bytes_are(block, sizes[k], 0xa5));
        pc_free(&memory, block);
    }
}

static void a_block_of_nothing_is_a_block(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    void *no_elements = pc_alloc(&memory, 0, 8);
    void *no_size = pc_alloc_zeroed(&memory, INT64_MAX, 0);
    EXPECT(no_elements != NULL && no_size != NULL && no_elements != no_size);
    EXPECT(atomic_load(&memory.in_use) == 0);
    EXPECT(atomic_load(&memory.n_blocks) == 2);
    pc_free(&memory, no_elements);
    pc_free(&memory, no_size);
    EXPECT(atomic_load(&memory.n_blocks) == 0);
}

static void giving_back_null_is_nothing(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    pc_free(&memory, NULL);
    EXPECT(atomic_load(&memory.n_blocks) == 0);
}

static void a_size_that_overflows_gives_null(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    EXPECT(pc_alloc(&memory, INT64_MAX, 1) == NULL);
    EXPECT(pc_alloc(&memory, INT64_MAX, 8) == NULL);
    EXPECT(pc_alloc(&memory, (int64_t)1 << 61, 8) == NULL); /* 2^64 bytes: 0 if it wrapped */
    EXPECT(pc_alloc(&memory, ((int64_t)1 << 61) + 1, 8) == NULL);
    EXPECT(pc_alloc_zeroed(&memory, 2, SIZE_MAX / 2 + 1) == NULL);
    EXPECT(pc_alloc(&memory, -1, 8) == NULL);
    EXPECT(pc_alloc(&memory, -1, 0) == NULL);
    EXPECT(pc_alloc(&memory, INT64_MIN, 1) == NULL);
    EXPECT(atomic_load(&memory.in_use) == 0);
    EXPECT(atomic_load(&memory.n_blocks) == 0);
}

static void more_than_the_machine_has_gives_null(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    EXPECT(pc_alloc(&memory, (int64_t)1 << 60, 1) == NULL);
    EXPECT(atomic_load(&memory.in_use) == 0);
}

static void the_injected_failure_hits_the_allocation_asked_for_and_no_other(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    atomic_store(&memory.fail_in, 3);
    void *first = pc_alloc(&memory, 1, 8);
    void *second = pc_alloc_zeroed(&memory, BIG, 1);
    void *third = pc_alloc(&memory, 1, 8);
    void *fourth = pc_alloc(&memory, 1, 8);
    EXPECT(first != NULL && second != NULL && third == NULL && fourth != NULL);
    EXPECT(atomic_load(&memory.n_blocks) == 3);
    EXPECT(atomic_load(&memory.n_asked) == 4);
    pc_free(&memory, first);
    pc_free(&memory, second);
    pc_free(&memory, fourth);
    EXPECT(atomic_load(&memory.in_use) == 0);
}

/* Take two blocks, one after the other; the claims below leave it undamaged or damage it. */
typedef struct two_blocks {
    bool forgets_the_first;
    bool hides_the_failure;
    void *forgotten;
} two_blocks;

static pc_status take_two_blocks(pc_context *ctx, void *arg)
{
    two_blocks *how = arg;
    pc_status status = PC_ERR_MEMORY;
    void *second = NULL;
    void *first = pc_alloc(&ctx->memory, 10, 8);
    if (first == NULL) goto done;
    second = pc_alloc(&ctx->memory, 20, 8);
    if (second == NULL && how->forgets_the_first) {
        how->forgotten = first;
        first = NULL;
    }
    if (second == NULL && !how->hides_the_failure) goto done;
    status = PC_OK;
done:
    pc_free(&ctx->memory, first);
    pc_free(&ctx->memory, second);
    return status;
}

static void the_failing_allocator_tries_every_allocation(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    two_blocks how = {false, false, NULL};
    EXPECT(pc_test_failing_allocator(&ctx, take_two_blocks, &how) == 2);
    EXPECT(atomic_load(&ctx.memory.fail_in) == 0);
}

/* The harness must complain; what it counted and printed is taken back. */
static bool harness_complains(two_blocks *how)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    const int64_t before = n_broken_expectations;
    printf("two complaints are expected here:\n");
    pc_test_failing_allocator(&ctx, take_two_blocks, how);
    const bool complained = n_broken_expectations > before;
    n_broken_expectations = before;
    pc_free(&ctx.memory, how->forgotten);
    return complained;
}

static void the_failing_allocator_sees_a_leak_and_a_hidden_failure(void)
{
    two_blocks leaks = {true, false, NULL};
    two_blocks hides = {false, true, NULL};
    EXPECT(harness_complains(&leaks));
    EXPECT(harness_complains(&hides));
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
/* Pages of address space of this process. */
static long address_space(void)
{
    long pages = -1;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL) return -1;
    if (fscanf(statm, "%ld", &pages) != 1) pages = -1;
    fclose(statm);
    return pages;
}

static void big_blocks_given_back_leave_the_address_space_as_it_was(void)
{
    enum { N_ROUNDS = 200, SLACK_PAGES = 4096 };
    pc_memory memory;
    pc_memory_init(&memory);
    const long before = address_space();
    for (int round = 0; round < N_ROUNDS; round++) {
        char *block = pc_alloc(&memory, BIG + 4096 * round, 1);
        if (!EXPECT(block != NULL)) return;
        EXPECT((uintptr_t)block % BIG == 64); /* a huge page holds the header too */
        block[0] = 1;
        pc_free(&memory, block);
    }
    EXPECT(before >= 0);
    EXPECT(address_space() - before < SLACK_PAGES); /* one forgotten tail a round: 100,000 pages */
}
#endif

enum { N_THREADS = 4, N_ROUNDS_EACH = 500 };

static void *take_and_give_back(void *arg)
{
    pc_memory *memory = arg;
    for (int round = 0; round < N_ROUNDS_EACH; round++) {
        void *small = pc_alloc(memory, round, 7);
        void *big = round % 100 == 0 ? pc_alloc_zeroed(memory, BIG, 2) : NULL;
        pc_free(memory, small);
        pc_free(memory, big);
    }
    return NULL;
}

static void run_threads(void *(*fn)(void *), void *arg)
{
    pthread_t threads[N_THREADS];
    for (int t = 0; t < N_THREADS; t++) {
        EXPECT(pthread_create(&threads[t], NULL, fn, arg) == 0);
    }
    for (int t = 0; t < N_THREADS; t++) pthread_join(threads[t], NULL);
}

static void counters_are_exact_when_several_threads_take_memory(void)
{
    pc_memory memory;
    pc_memory_init(&memory);
    run_threads(take_and_give_back, &memory);
    EXPECT(atomic_load(&memory.in_use) == 0);
    EXPECT(atomic_load(&memory.n_blocks) == 0);
    EXPECT(atomic_load(&memory.n_asked) == N_THREADS * (N_ROUNDS_EACH + 5));
    EXPECT(atomic_load(&memory.peak) >= 2 * BIG);
}

enum { N_QUESTIONS = 50000 };

typedef struct shared_failures {
    pc_memory memory;
    _Atomic int n_there; /* ready threads: all start at once, to get in each other's way */
    _Atomic int n_failures;
} shared_failures;

static void *count_failures(void *arg)
{
    shared_failures *shared = arg;
    atomic_fetch_add(&shared->n_there, 1);
    while (atomic_load(&shared->n_there) < N_THREADS) sched_yield();
    for (int question = 0; question < N_QUESTIONS; question++) {
        if (pc_memory_injected_failure(&shared->memory)) atomic_fetch_add(&shared->n_failures, 1);
    }
    return NULL;
}

static void one_injected_failure_is_one_failure_also_among_threads(void)
{
    shared_failures shared;
    pc_memory_init(&shared.memory);
    atomic_init(&shared.n_there, 0);
    atomic_init(&shared.n_failures, 0);
    atomic_store(&shared.memory.fail_in, N_THREADS * N_QUESTIONS); /* the very last one */
    run_threads(count_failures, &shared);
    EXPECT(atomic_load(&shared.n_failures) == 1);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(blocks_start_at_multiples_of_64_bytes),
        CLAIM(bytes_and_blocks_are_counted_exactly),
        CLAIM(zeroed_blocks_are_zero_also_where_used_memory_comes_back),
        CLAIM(every_byte_of_a_block_can_be_written_and_read),
        CLAIM(a_block_of_nothing_is_a_block),
        CLAIM(giving_back_null_is_nothing),
        CLAIM(a_size_that_overflows_gives_null),
        CLAIM(more_than_the_machine_has_gives_null),
        CLAIM(the_injected_failure_hits_the_allocation_asked_for_and_no_other),
        CLAIM(the_failing_allocator_tries_every_allocation),
        CLAIM(the_failing_allocator_sees_a_leak_and_a_hidden_failure),
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
        CLAIM(big_blocks_given_back_leave_the_address_space_as_it_was),
#endif
        CLAIM(counters_are_exact_when_several_threads_take_memory),
        CLAIM(one_injected_failure_is_one_failure_also_among_threads),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
