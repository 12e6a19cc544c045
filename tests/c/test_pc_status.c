#include "pc_status.h"
#include "pc_test.h"

#include <string.h>

static void a_failure_names_its_place_and_returns_its_status(void)
{
    pc_error err;
    const pc_status status = pc_fail(&err, PC_ERR_VALUE, "weight", 2, 1042, "is negative");
    EXPECT(status == PC_ERR_VALUE);
    EXPECT(err.status == PC_ERR_VALUE);
    EXPECT(strcmp(err.argument, "weight") == 0);
    EXPECT(err.which == 2);
    EXPECT(err.index == 1042);
    EXPECT(strcmp(err.message, "is negative") == 0);
}

static void every_status_has_a_name_of_its_own(void)
{
    for (int a = 0; a < PC_STATUS_END; a++) {
        EXPECT(strcmp(pc_status_name((pc_status)a), "unknown") != 0);
        for (int b = 0; b < a; b++) {
            EXPECT(strcmp(pc_status_name((pc_status)a), pc_status_name((pc_status)b)) != 0);
        }
    }
}

static void a_status_outside_the_list_is_unknown(void)
{
    EXPECT(strcmp(pc_status_name(PC_STATUS_END), "unknown") == 0);
}

static void a_failure_without_a_record_still_returns_its_status(void)
{
    EXPECT(pc_fail(NULL, PC_ERR_GROUP, "group", -1, 0, "out of range") == PC_ERR_GROUP);
}

static void a_text_too_long_is_cut_and_still_ends(void)
{
    char text[400];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    pc_error err;
    memset(&err, 'y', sizeof err);
    pc_fail(&err, PC_ERR_LIMIT, text, -1, INT64_MAX, text);
    EXPECT(strlen(err.argument) == sizeof err.argument - 1);
    EXPECT(strlen(err.message) == sizeof err.message - 1);
    EXPECT(err.index == INT64_MAX);
}

static void a_text_that_just_fits_is_whole(void)
{
    const char *argument = "0123456789012345678901234567890"; /* 31 characters and the end */
    pc_error err;
    pc_fail(&err, PC_ERR_TYPE, argument, -1, -1, NULL);
    EXPECT(strcmp(err.argument, argument) == 0);
    EXPECT(strcmp(err.message, "") == 0);
}

static void the_context_keeps_the_last_failure(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(ctx.error.status == PC_OK);
    const pc_status status = pc_context_fail(&ctx, PC_ERR_MISSING, "key", 1, 7, "is missing");
    EXPECT(status == PC_ERR_MISSING);
    EXPECT(ctx.error.status == PC_ERR_MISSING);
    EXPECT(ctx.error.which == 1 && ctx.error.index == 7);
    EXPECT(strcmp(ctx.error.argument, "key") == 0);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_failure_names_its_place_and_returns_its_status),
        CLAIM(every_status_has_a_name_of_its_own),
        CLAIM(a_status_outside_the_list_is_unknown),
        CLAIM(a_failure_without_a_record_still_returns_its_status),
        CLAIM(a_text_too_long_is_cut_and_still_ends),
        CLAIM(a_text_that_just_fits_is_whole),
        CLAIM(the_context_keeps_the_last_failure),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
