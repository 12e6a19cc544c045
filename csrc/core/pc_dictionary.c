#include "pc_dictionary.h"

enum { FIRST_BITS = 9, SPARSE_BITS = 15, MOST_BITS = 40, FIRST_ROOM = 64 };

/* Codes for 2^bits slots: an eighth of them while the slots are few, half of them later. */
static int64_t most_codes(int bits)
{
    return (int64_t)1 << (bits <= SPARSE_BITS ? bits - 3 : bits - 1);
}

static pc_slot *new_slots(pc_memory *memory, int shift)
{
    const int64_t n = (int64_t)1 << (64 - shift);
    pc_slot *slot = pc_alloc(memory, n, sizeof *slot);
    if (slot == NULL) return NULL;
    for (int64_t i = 0; i < n; i++) {
        const pc_slot empty = {0, 0, PC_NO_CODE};
        slot[i] = empty;
    }
    return slot;
}

static void place(pc_slot *slot, int shift, pc_slot new_slot)
{
    const uint64_t mask = ((uint64_t)1 << (64 - shift)) - 1;
    uint64_t at = pc_dictionary_hash(new_slot.a, new_slot.b) >> shift;
    while (slot[at].code != PC_NO_CODE) at = (at + 1) & mask;
    slot[at] = new_slot;
}

pc_status pc_dictionary_init(pc_dictionary *dictionary, pc_memory *memory)
{
    memset(dictionary, 0, sizeof *dictionary);
    dictionary->memory = memory;
    dictionary->shift = 64 - FIRST_BITS;
    dictionary->most = most_codes(FIRST_BITS);
    dictionary->room = FIRST_ROOM;
    dictionary->slot = new_slots(memory, dictionary->shift);
    if (dictionary->slot == NULL) return PC_ERR_MEMORY;
    dictionary->entry = pc_alloc(memory, dictionary->room, sizeof(pc_entry));
    if (dictionary->entry == NULL) return PC_ERR_MEMORY;
    return PC_OK;
}

void pc_dictionary_free(pc_dictionary *dictionary)
{
    pc_free(dictionary->memory, dictionary->slot);
    pc_free(dictionary->memory, dictionary->entry);
    pc_free(dictionary->memory, dictionary->text);
    memset(dictionary, 0, sizeof *dictionary);
}

static pc_status grow_slots(pc_dictionary *d)
{
    const int shift = d->shift - 1;
    if (64 - shift > MOST_BITS) return PC_ERR_LIMIT;
    pc_slot *slot = new_slots(d->memory, shift);
    if (slot == NULL) return PC_ERR_MEMORY;
    for (int64_t code = 0; code < d->n; code++) {
        const pc_slot moved = {d->entry[code].a, d->entry[code].b, (uint32_t)code};
        place(slot, shift, moved);
    }
    pc_free(d->memory, d->slot);
    d->slot = slot;
    d->shift = shift;
    d->most = most_codes(64 - shift);
    return PC_OK;
}

static pc_status grow_entries(pc_dictionary *d)
{
    pc_entry *entry = pc_alloc(d->memory, d->room * 2, sizeof *entry);
    if (entry == NULL) return PC_ERR_MEMORY;
    memcpy(entry, d->entry, (size_t)d->n * sizeof *entry);
    pc_free(d->memory, d->entry);
    d->entry = entry;
    d->room *= 2;
    return PC_OK;
}

static pc_status keep_text(pc_dictionary *d, pc_word word, int64_t *at)
{
    const int64_t length = pc_word_length(word);
    if (d->text_n + length > d->text_room) {
        const int64_t room = 2 * (d->text_n + length) + 1024;
        uint8_t *text = pc_alloc(d->memory, room, 1);
        if (text == NULL) return PC_ERR_MEMORY;
        if (d->text_n > 0) memcpy(text, d->text, (size_t)d->text_n);
        pc_free(d->memory, d->text);
        d->text = text;
        d->text_room = room;
    }
    *at = d->text_n;
    memcpy(d->text + d->text_n, word.bytes, (size_t)length);
    d->text_n += length;
    return PC_OK;
}

pc_status pc_dictionary_insert(pc_dictionary *dictionary, pc_word word, int64_t row,
                               uint32_t *code)
{
    pc_dictionary *d = dictionary;
    pc_entry entry = {word.a, word.b, -1, row};
    pc_status status = PC_OK;

    if (d->n >= INT32_MAX) return PC_ERR_LIMIT;
    if (d->n == d->most) status = grow_slots(d);
    if (status == PC_OK && d->n == d->room) status = grow_entries(d);
    if (status == PC_OK && word.bytes != NULL) status = keep_text(d, word, &entry.text);
    if (status != PC_OK) return status;
    *code = (uint32_t)d->n;
    const pc_slot slot = {word.a, word.b, *code};
    place(d->slot, d->shift, slot);
    d->entry[d->n++] = entry;
    return PC_OK;
}

pc_word pc_dictionary_word(const pc_dictionary *dictionary, int64_t code)
{
    const pc_entry *entry = &dictionary->entry[code];
    const pc_word word = {entry->a, entry->b,
                          entry->text < 0 ? NULL : dictionary->text + entry->text};
    return word;
}
