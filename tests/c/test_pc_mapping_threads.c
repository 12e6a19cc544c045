/* What is given back comes back, is never handed to two at once, and is forgotten when there is too much. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "pc_mapping.h"
#include "pc_test.h"

#include <pthread.h>
#include <string.h>

static const size_t page = PC_MAPPING_PAGE;
static pc_mappings kept; /* each claim leaves it empty */

static int64_t kept_bytes(void)
{
    return atomic_load(&kept.bytes);
}

/* Mappings that nobody writes to take no memory, but their first bytes. */
static void *take(size_t n_bytes, size_t *length)
{
    bool is_zero = false;
    return pc_mapping_take(&kept, n_bytes, length, &is_zero);
}

static void a_mapping_is_whole_pages_at_a_multiple_of_a_page(void)
{
    static const size_t sizes[] = {1, 64, 2 * 1024 * 1024 - 1, 2 * 1024 * 1024, 2 * 1024 * 1024 + 1};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t length = 0;
        char *start = take(sizes[k], &length);
        if (!EXPECT(start != NULL)) return;
        EXPECT((uintptr_t)start % page == 0 && length % page == 0);
        EXPECT(length >= sizes[k] && length - sizes[k] < page);
        memset(start, 1, length);
        pc_mapping_give(&kept, start, length);
    }
    pc_mapping_release(&kept);
}

static void a_fresh_mapping_is_zero_and_one_that_was_used_says_it_is_not(void)
{
    size_t length = 0;
    bool is_zero = false;
    pc_mapping_release(&kept);
    char *start = pc_mapping_take(&kept, 3 * page, &length, &is_zero);
    if (!EXPECT(start != NULL)) return;
    EXPECT(is_zero && start[0] == 0 && start[length - 1] == 0);
    memset(start, 7, length);
    pc_mapping_give(&kept, start, length);
    EXPECT(kept_bytes() == (int64_t)length);
    EXPECT(pc_mapping_take(&kept, 3 * page, &length, &is_zero) == start && !is_zero);
    EXPECT(kept_bytes() == 0);
    pc_mapping_give(&kept, start, length);
    pc_mapping_release(&kept);
    EXPECT(kept_bytes() == 0);
}

static void a_mapping_over_a_quarter_too_large_is_left_where_it_is(void)
{
    size_t length = 0, other = 0;
    char *large = take(10 * page, &length);
    pc_mapping_give(&kept, large, length);
    char *small = take(7 * page, &other);
    EXPECT(small != large && other == 7 * page);
    EXPECT(kept_bytes() == (int64_t)(10 * page));
    char *nearly = take(8 * page, &length);
    EXPECT(nearly == large && length == 10 * page);
    pc_mapping_give(&kept, small, other);
    pc_mapping_give(&kept, nearly, length);
    pc_mapping_release(&kept);
}

static void without_a_keeper_nothing_is_kept(void)
{
    size_t length = 0;
    bool is_zero = false;
    char *start = pc_mapping_take(NULL, 3 * page, &length, &is_zero);
    if (!EXPECT(start != NULL)) return;
    EXPECT(is_zero && length == 3 * page);
    memset(start, 1, length);
    pc_mapping_give(NULL, start, length);
    start = pc_mapping_take(NULL, 3 * page, &length, &is_zero);
    EXPECT(is_zero && start[0] == 0);
    pc_mapping_give(NULL, start, length);
}

static void more_mappings_than_places_are_not_lost(void)
{
    enum { MANY = 100 };
    static void *start[MANY];
    static size_t length[MANY];
    for (size_t k = 0; k < MANY; k++) start[k] = take(page, &length[k]);
    for (size_t k = 0; k < MANY; k++) pc_mapping_give(&kept, start[k], length[k]);
    EXPECT(kept_bytes() > 0 && kept_bytes() < (int64_t)(MANY * page));
    EXPECT(kept_bytes() % (int64_t)page == 0);
    pc_mapping_release(&kept);
    EXPECT(kept_bytes() == 0);
}

static void the_oldest_go_when_too_much_is_kept(void)
{
    enum { THIRDS = 4 };
    const size_t third = (size_t)PC_MAPPING_KEPT / 3 / page * page;
    void *start[THIRDS];
    size_t length[THIRDS];
    bool is_zero = false;
    for (size_t k = 0; k < THIRDS; k++) start[k] = take(third, &length[k]);
    for (size_t k = 0; k < THIRDS; k++) {
        pc_mapping_give(&kept, start[k], length[k]);
        EXPECT(kept_bytes() <= PC_MAPPING_KEPT);
    }
    EXPECT(kept_bytes() == (int64_t)(3 * third));
    for (size_t k = 1; k < THIRDS; k++) {
        void *again = pc_mapping_take(&kept, third, &length[0], &is_zero);
        EXPECT(!is_zero && (again == start[1] || again == start[2] || again == start[3]));
        pc_mapping_give(&kept, again, length[0]);
    }
    pc_mapping_release(&kept);
}

/* ---- several threads ----------------------------------------------------------------------------- */

enum { ROUNDS = 2000, HELD = 4 };

/* Each thread signs what it holds; nobody may have written over it. */
static void *take_sign_give(void *arg)
{
    const int64_t me = *(const int64_t *)arg;
    int64_t *held[HELD] = {NULL};
    size_t length[HELD] = {0};
    for (int64_t r = 0; r < ROUNDS; r++) {
        const int64_t k = (r * 7 + me) % HELD;
        if (held[k] != NULL) {
            EXPECT(held[k][0] == me && held[k][1] == k);
            pc_mapping_give(&kept, held[k], length[k]);
        }
        held[k] = take((size_t)(1 + (r + me) % 3) * page, &length[k]);
        if (!EXPECT(held[k] != NULL)) return NULL;
        held[k][0] = me;
        held[k][1] = k;
    }
    for (int64_t k = 0; k < HELD; k++)
        if (held[k] != NULL) pc_mapping_give(&kept, held[k], length[k]);
    return NULL;
}

static void no_two_threads_hold_one_mapping(void)
{
    enum { N_THREADS = 4 };
    pthread_t thread[N_THREADS];
    int64_t number[N_THREADS];
    for (int64_t t = 0; t < N_THREADS; t++) {
        number[t] = t;
        EXPECT(pthread_create(&thread[t], NULL, take_sign_give, &number[t]) == 0);
    }
    for (int64_t t = 0; t < N_THREADS; t++) pthread_join(thread[t], NULL);
    EXPECT(kept_bytes() <= PC_MAPPING_KEPT);
    pc_mapping_release(&kept);
    EXPECT(kept_bytes() == 0);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_mapping_is_whole_pages_at_a_multiple_of_a_page),
        CLAIM(a_fresh_mapping_is_zero_and_one_that_was_used_says_it_is_not),
        CLAIM(a_mapping_over_a_quarter_too_large_is_left_where_it_is),
        CLAIM(without_a_keeper_nothing_is_kept),
        CLAIM(more_mappings_than_places_are_not_lost),
        CLAIM(the_oldest_go_when_too_much_is_kept),
        CLAIM(no_two_threads_hold_one_mapping),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
