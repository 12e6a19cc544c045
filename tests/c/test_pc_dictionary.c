/* Dense codes of words: first appearance, many words, long texts, failing allocator. */
#include "pc_dictionary.h"
#include "pc_made.h"
#include "pc_test.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t code_of(pc_dictionary *d, pc_word word, int64_t row)
{
    uint32_t code = pc_dictionary_find(d, word);
    if (code == PC_NO_CODE) EXPECT(pc_dictionary_insert(d, word, row, &code) == PC_OK);
    return code;
}

static pc_word text_word(const char *text)
{
    const int64_t offsets[] = {0, (int64_t)strlen(text)};
    pc_made made;
    pc_word word;
    int64_t bad;
    const pc_column *column = pc_make(&made, PC_TEXT64, offsets, 0, 1);
    made.chunk.bytes = (const uint8_t *)text;
    made.chunk.n_bytes = offsets[1];
    EXPECT(pc_column_load_word(column, 0, 1, &word, &bad) == PC_OK);
    return word;
}

static void codes_count_up_by_first_appearance(void)
{
    enum { N = 100000 };
    pc_context ctx;
    pc_dictionary d;
    pc_context_init(&ctx);
    EXPECT(pc_dictionary_init(&d, &ctx.memory) == PC_OK);
    for (int64_t i = 0; i < N; i++) /* multiples of a power of two: hard on a weak hash */
        EXPECT(code_of(&d, pc_word_ordinal(i << 20), i) == (uint32_t)i);
    for (int64_t i = N - 1; i >= 0; i--) {
        EXPECT(pc_dictionary_find(&d, pc_word_ordinal(i << 20)) == (uint32_t)i);
        EXPECT(pc_dictionary_find(&d, pc_word_ordinal((i << 20) + 1)) == PC_NO_CODE);
    }
    EXPECT(d.n == N && d.entry[77].row == 77);
    EXPECT(code_of(&d, pc_word_missing(), 5) == N);
    pc_dictionary_free(&d);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void long_texts_are_kept_and_told_apart(void)
{
    enum { N = 3000 };
    pc_context ctx;
    pc_dictionary d;
    char text[80];
    pc_context_init(&ctx);
    EXPECT(pc_dictionary_init(&d, &ctx.memory) == PC_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++) {
            snprintf(text, sizeof text, "a long name that differs at its very end only: %d", i);
            EXPECT(code_of(&d, text_word(text), i) == (uint32_t)i);
        }
    snprintf(text, sizeof text, "a long name that differs at its very end only: %d", 1234);
    const pc_word kept = pc_dictionary_word(&d, 1234); /* a copy: `text` may change now */
    EXPECT(pc_word_length(kept) == (int64_t)strlen(text));
    EXPECT(memcmp(kept.bytes, text, strlen(text)) == 0);
    pc_dictionary_free(&d);
}

/* Two texts of equal length, first bytes and hash are still two words: only the bytes decide. */
static void equal_hashes_do_not_make_equal_texts(void)
{
    static const uint8_t one[] = "abcdefghijklmnop", two[] = "abcdefghijklmnoq";
    const pc_word a = {16, 42, one}, b = {16, 42, two};
    pc_context ctx;
    pc_dictionary d;
    pc_context_init(&ctx);
    EXPECT(pc_dictionary_init(&d, &ctx.memory) == PC_OK);
    EXPECT(code_of(&d, a, 0) == 0 && code_of(&d, b, 1) == 1);
    EXPECT(code_of(&d, a, 2) == 0 && code_of(&d, b, 3) == 1);
    pc_dictionary_free(&d);
}

static pc_status fill(pc_context *ctx, void *arg)
{
    pc_dictionary d;
    pc_status status = pc_dictionary_init(&d, &ctx->memory);
    (void)arg;
    for (int64_t i = 0; status == PC_OK && i < 1000; i++) {
        char text[40];
        uint32_t code;
        snprintf(text, sizeof text, "a text of many bytes %d", (int)i);
        status = pc_dictionary_insert(&d, i % 2 ? text_word(text) : pc_word_ordinal(i), i, &code);
    }
    pc_dictionary_free(&d);
    return status;
}

static void every_allocation_may_fail(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_test_failing_allocator(&ctx, fill, NULL) > 5);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(codes_count_up_by_first_appearance),
        CLAIM(long_texts_are_kept_and_told_apart),
        CLAIM(equal_hashes_do_not_make_equal_texts),
        CLAIM(every_allocation_may_fail),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
