#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_HUGEPAGE, MADV_FREE */

#include "pc_mapping.h"

#include <sys/mman.h>

/* BUSY: one thread reads or writes the place. */
enum { EMPTY, BUSY, FULL };

static bool seize(pc_mapping_place *p, int state)
{
    return atomic_compare_exchange_strong(&p->state, &state, BUSY);
}

/* ---- fresh mappings ------------------------------------------------------------------------------ */

/* Map one huge page more than needed, keep the part that starts at a multiple of a huge page. */
static void *map(size_t length)
{
    const size_t page = PC_MAPPING_PAGE;
    char *start = mmap(NULL, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    const size_t before = (page - (uintptr_t)start % page) % page;
    const size_t after = page - before;
    if (before > 0) munmap(start, before);
    if (after > 0) munmap(start + before + length, after);
    start += before;
#ifdef MADV_HUGEPAGE
    madvise(start, length, MADV_HUGEPAGE); /* a wish: refused, the block is as good */
#endif
    return start;
}

/* ---- kept mappings ------------------------------------------------------------------------------- */

/* At most a quarter more than needed: the rest of a larger one would be nobody's. */
static bool fits(const pc_mapping_place *p, size_t length)
{
    return p->length >= length && p->length - length <= length / 4;
}

static void *take_kept(pc_mappings *kept, size_t length, size_t *found)
{
    for (int64_t k = 0; k < PC_MAPPING_PLACES; k++) {
        pc_mapping_place *p = &kept->place[k];
        if (!seize(p, FULL)) continue;
        if (fits(p, length)) {
            void *start = p->start;
            *found = p->length;
            atomic_fetch_sub(&kept->bytes, (int64_t)p->length);
            atomic_store(&p->state, EMPTY);
            return start;
        }
        atomic_store(&p->state, FULL);
    }
    return NULL;
}

/* Give the oldest mapping that is kept to the system; false: there is none. */
static bool drop_oldest(pc_mappings *kept)
{
    pc_mapping_place *oldest = NULL;
    for (int64_t k = 0; k < PC_MAPPING_PLACES; k++) {
        pc_mapping_place *p = &kept->place[k];
        if (!seize(p, FULL)) continue;
        if (oldest == NULL || p->age < oldest->age) {
            if (oldest != NULL) atomic_store(&oldest->state, FULL);
            oldest = p;
        } else {
            atomic_store(&p->state, FULL);
        }
    }
    if (oldest == NULL) return false;
    munmap(oldest->start, oldest->length);
    atomic_fetch_sub(&kept->bytes, (int64_t)oldest->length);
    atomic_store(&oldest->state, EMPTY);
    return true;
}

static bool keep(pc_mappings *kept, void *start, size_t length)
{
    for (int64_t k = 0; k < PC_MAPPING_PLACES; k++) {
        pc_mapping_place *p = &kept->place[k];
        if (!seize(p, EMPTY)) continue;
        p->start = start;
        p->length = length;
        p->age = atomic_fetch_add(&kept->n_given, 1);
        atomic_store(&p->state, FULL);
        return true;
    }
    return false;
}

/* Whether the system may take the pages of a mapping and leave the mapping itself. */
static bool mark_free(void *start, size_t length)
{
#ifdef MADV_FREE
    return madvise(start, length, MADV_FREE) == 0;
#else
    (void)start, (void)length;
    return false;
#endif
}

/* ---- take and give ------------------------------------------------------------------------------- */

void *pc_mapping_take(pc_mappings *kept, size_t n_bytes, size_t *length, bool *is_zero)
{
    const size_t page = PC_MAPPING_PAGE, needed = (n_bytes + page - 1) / page * page;
    void *start = kept == NULL ? NULL : take_kept(kept, needed, length);
    *is_zero = start == NULL;
    if (start != NULL) return start;
    *length = needed;
    start = map(needed);
    if (start != NULL || kept == NULL || atomic_load(&kept->bytes) == 0) return start;
    pc_mapping_release(kept);
    return map(needed);
}

/* Whether there was room, if need be in place of older ones. */
static bool make_room_and_keep(pc_mappings *kept, void *start, size_t length)
{
    const int64_t bytes = (int64_t)length;
    if (bytes > PC_MAPPING_KEPT || !mark_free(start, length)) return false;
    int64_t in_all = atomic_fetch_add(&kept->bytes, bytes) + bytes;
    while (in_all > PC_MAPPING_KEPT && drop_oldest(kept)) in_all = atomic_load(&kept->bytes);
    if (keep(kept, start, length) || (drop_oldest(kept) && keep(kept, start, length))) return true;
    atomic_fetch_sub(&kept->bytes, bytes);
    return false;
}

void pc_mapping_give(pc_mappings *kept, void *start, size_t length)
{
    if (kept == NULL || !make_room_and_keep(kept, start, length)) munmap(start, length);
}

void pc_mapping_release(pc_mappings *kept)
{
    while (drop_oldest(kept)) {
    }
}
