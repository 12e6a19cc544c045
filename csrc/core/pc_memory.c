/*
 * A block is preceded by a 64-byte header that remembers how it was taken, so that giving it back
 * needs no size and the counters stay exact. They count the bytes asked for, without headers.
 *
 * Small blocks come from the C library, those of 2 MiB and more from pc_mapping: a mapping starts at a
 * multiple of 2 MiB, the only place where the processor can use a huge page. Under the address sanitizer
 * every block comes from the C library, which guards the bytes right behind the last one.
 */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */

#include "pc_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PC_GUARDED_BLOCKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PC_GUARDED_BLOCKS 1
#endif

enum { ALIGNMENT = 64 };

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
    memory->kept = NULL;
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
    const uint64_t most = (uint64_t)PTRDIFF_MAX - ALIGNMENT - 2 * (uint64_t)PC_MAPPING_PAGE;
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
/* A page that is read before it is written to is taken twice, and the second time in small pages. Only blocks
 * handed out as zero are read so: the others' pages are better taken where they are filled, by all threads, and
 * between two looks at the stop flag. */
static void touch(char *start, size_t length)
{
    for (size_t at = 0; at < length; at += PC_MAPPING_PAGE) *(volatile char *)(start + at) = 0;
}

static block_header *take_big(pc_mappings *kept, size_t bytes, bool zeroed)
{
    size_t length = 0;
    bool is_zero = false;
    block_header *header = pc_mapping_take(kept, ALIGNMENT + bytes, &length, &is_zero);
    if (header == NULL) return NULL;
    if (zeroed && is_zero) touch((char *)header, length);
    if (zeroed && !is_zero) memset((char *)header + ALIGNMENT, 0, bytes);
    header->mapped = length;
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
    block_header *header = bytes >= PC_MAPPING_PAGE ? take_big(memory->kept, bytes, zeroed) : take_small(bytes, zeroed);
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
        pc_mapping_give(memory->kept, header, header->mapped);
    } else {
        free(header);
    }
}
