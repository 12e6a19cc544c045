/*
 * A block is preceded by a 64-byte header that remembers how it was taken, so that giving it back
 * needs no size and the counters stay exact. They count the bytes asked for, without headers.
 *
 * Small blocks come from the C library. Blocks of 2 MiB and more are mapped: the mapping starts at
 * a multiple of 2 MiB, the only place where the processor can use a huge page, and fresh pages are
 * zero already. Under the address sanitizer every block comes from the C library, which guards the
 * bytes right behind the last one.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_HUGEPAGE */

#include "pc_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PC_GUARDED_BLOCKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PC_GUARDED_BLOCKS 1
#endif

enum { ALIGNMENT = 64, HUGE_PAGE = 2 * 1024 * 1024 };

typedef struct block_header {
    int64_t bytes; /* as counted */
    size_t mapped; /* length of the mapping that starts at this header; 0: from the C library */
    unsigned char unused[ALIGNMENT - sizeof(int64_t) - sizeof(size_t)];
} block_header;

_Static_assert(sizeof(block_header) == ALIGNMENT, "a block starts one alignment after its header");

void pc_memory_init(pc_memory *memory)
{
    atomic_init(&memory->in_use, 0);
    atomic_init(&memory->peak, 0);
    atomic_init(&memory->n_blocks, 0);
    atomic_init(&memory->fail_in, 0);
    atomic_init(&memory->n_asked, 0);
}

int pc_memory_injected_failure(pc_memory *memory)
{
    int64_t left = atomic_load(&memory->fail_in);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&memory->fail_in, &left, left - 1)) return left == 1;
    }
    return 0;
}

void pc_memory_reset_peak(pc_memory *memory)
{
    atomic_store(&memory->peak, atomic_load(&memory->in_use));
}

static void count_block(pc_memory *memory, int64_t bytes)
{
    const int64_t in_use = atomic_fetch_add(&memory->in_use, bytes) + bytes;
    atomic_fetch_add(&memory->n_blocks, 1);
    int64_t peak = atomic_load(&memory->peak);
    while (in_use > peak && !atomic_compare_exchange_weak(&memory->peak, &peak, in_use)) {
    }
}

/* Whether count elements of size bytes, a header and the room to align them have a size at all. */
static bool has_a_size(int64_t count, size_t size)
{
    const uint64_t most = (uint64_t)PTRDIFF_MAX - ALIGNMENT - 2 * (uint64_t)HUGE_PAGE;
    return count >= 0 && (size == 0 || (uint64_t)count <= most / size);
}

static block_header *take_small(size_t bytes, bool zeroed)
{
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, ALIGNMENT + bytes) != 0) return NULL;
    if (zeroed) memset((char *)memory + ALIGNMENT, 0, bytes);
    block_header *header = memory;
    header->mapped = 0;
    return header;
}

#ifndef PC_GUARDED_BLOCKS
/* Map one huge page more than needed, keep the part that starts at a multiple of a huge page. */
static block_header *take_big(size_t bytes)
{
    const size_t kept = (ALIGNMENT + bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *start = mmap(NULL, kept + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
    if (start == MAP_FAILED) return NULL;
    const size_t before = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;
    const size_t after = HUGE_PAGE - before;
    if (before > 0) munmap(start, before);
    if (after > 0) munmap(start + before + kept, after);
    start += before;
#ifdef MADV_HUGEPAGE
    madvise(start, kept, MADV_HUGEPAGE); /* a wish: refused, the block is as good */
#endif
    /* A page that is read before it is written to is taken twice, and the second time in small pages. */
    for (size_t at = 0; at < kept; at += HUGE_PAGE) *(volatile char *)(start + at) = 0;
    block_header *header = (block_header *)(void *)start;
    header->mapped = kept;
    return header;
}
#endif

static void *take(pc_memory *memory, int64_t count, size_t size, bool zeroed)
{
    atomic_fetch_add(&memory->n_asked, 1);
    if (pc_memory_injected_failure(memory) || !has_a_size(count, size)) return NULL;
    const size_t bytes = (size_t)count * size;
#ifdef PC_GUARDED_BLOCKS
    block_header *header = take_small(bytes, zeroed);
#else
    block_header *header = bytes >= HUGE_PAGE ? take_big(bytes) : take_small(bytes, zeroed);
#endif
    if (header == NULL) return NULL;
    header->bytes = (int64_t)bytes;
    count_block(memory, header->bytes);
    return (char *)header + ALIGNMENT;
}

void *pc_alloc(pc_memory *memory, int64_t count, size_t size)
{
    return take(memory, count, size, false);
}

void *pc_alloc_zeroed(pc_memory *memory, int64_t count, size_t size)
{
    return take(memory, count, size, true);
}

void pc_free(pc_memory *memory, void *block)
{
    if (block == NULL) return;
    block_header *header = (block_header *)(void *)((char *)block - ALIGNMENT);
    atomic_fetch_sub(&memory->in_use, header->bytes);
    atomic_fetch_sub(&memory->n_blocks, 1);
    if (header->mapped > 0) {
        munmap(header, header->mapped);
    } else {
        free(header);
    }
}
