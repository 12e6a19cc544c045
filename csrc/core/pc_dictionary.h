/*
 * Words to dense codes: an open-addressing hash table of 16-byte words (pc_word), codes 0, 1, 2 ... in
 * order of first appearance. Long texts are copied, so that the dictionary outlives the column.
 *
 * A small dictionary is kept nearly empty: then nearly every word lies at its own place, and no branch is
 * mispredicted. Not safe from several threads: every lane has its own.
 */
#ifndef PC_DICTIONARY_H
#define PC_DICTIONARY_H

#include "pc_column.h"
#include "pc_memory.h"

#include <string.h>

#define PC_NO_CODE UINT32_MAX

typedef struct pc_slot {
    uint64_t a, b;
    uint32_t code; /* PC_NO_CODE: free */
} pc_slot;

typedef struct pc_entry {
    uint64_t a, b;
    int64_t text; /* where the bytes of a long text start; -1: the words say all */
    int64_t row;  /* smallest row that had this word */
} pc_entry;

typedef struct pc_dictionary {
    pc_memory *memory;
    pc_slot *slot;    /* [1 << (64 - shift)] */
    int shift;
    int64_t n;        /* codes given so far */
    int64_t most;     /* codes before the slots must grow */
    int64_t room;
    pc_entry *entry;  /* [room], by code */
    uint8_t *text;    /* [text_room] bytes of long texts */
    int64_t text_n, text_room;
} pc_dictionary;

/* PC_ERR_MEMORY or PC_OK. After a failure the dictionary may only be freed. */
pc_status pc_dictionary_init(pc_dictionary *dictionary, pc_memory *memory);
void pc_dictionary_free(pc_dictionary *dictionary); /* zeroed dictionaries are accepted */

/* Give the word a code; it must not have one yet. PC_ERR_MEMORY; PC_ERR_LIMIT at 2^31 codes. */
pc_status pc_dictionary_insert(pc_dictionary *dictionary, pc_word word, int64_t row,
                               uint32_t *code);

/* The word of a code; its bytes stay valid until the next insertion. */
pc_word pc_dictionary_word(const pc_dictionary *dictionary, int64_t code);

/* Words that count up, or that differ in their high bits only, must not meet in the top bits of the
 * product: so the halves are mixed before the last multiplication (Fibonacci hashing, Knuth, TAOCP
 * 3, 6.4). */
static inline uint64_t pc_dictionary_hash(uint64_t a, uint64_t b)
{
    uint64_t h = a * 0x9E3779B97F4A7C15u ^ (b + 0x7F4A7C159E3779B9u) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93u;
}

static inline int pc_dictionary_same_text(const pc_dictionary *d, uint32_t code, pc_word word)
{
    return memcmp(d->text + d->entry[code].text, word.bytes, (size_t)pc_word_length(word)) == 0;
}

/* The word's code, or PC_NO_CODE. */
static inline uint32_t pc_dictionary_find(const pc_dictionary *d, pc_word word)
{
    const uint64_t mask = ((uint64_t)1 << (64 - d->shift)) - 1;
    uint64_t at = pc_dictionary_hash(word.a, word.b) >> d->shift;
    for (;; at = (at + 1) & mask) {
        const pc_slot *slot = &d->slot[at];
        /* a free slot holds zeros and no code: one well-predicted branch finds a word at its place */
        const bool same = ((slot->a ^ word.a) | (slot->b ^ word.b)) == 0;
        if (same && (word.bytes == NULL || slot->code == PC_NO_CODE)) return slot->code;
        if (same && pc_dictionary_same_text(d, slot->code, word)) return slot->code;
        if (slot->code == PC_NO_CODE) return PC_NO_CODE;
    }
}

#endif
