#include "pc_status.h"

#include <stddef.h>

/* Copy text into a field of `size` bytes, cut where it does not fit; NULL is the empty text. */
static void copy_text(char *field, size_t size, const char *text)
{
    size_t length = 0;
    if (text != NULL) {
        while (length + 1 < size && text[length] != '\0') {
            field[length] = text[length];
            length++;
        }
    }
    field[length] = '\0';
}

pc_status pc_fail(pc_error *err, pc_status status, const char *argument, int64_t which,
                  int64_t index, const char *message)
{
    if (err != NULL) {
        err->status = status;
        err->which = which;
        err->index = index;
        copy_text(err->argument, sizeof err->argument, argument);
        copy_text(err->message, sizeof err->message, message);
    }
    return status;
}

const char *pc_status_name(pc_status status)
{
    switch (status) {
    case PC_OK: return "ok";
    case PC_ERR_MEMORY: return "memory";
    case PC_ERR_INTERRUPTED: return "interrupted";
    case PC_ERR_LENGTH: return "length";
    case PC_ERR_VALUE: return "value";
    case PC_ERR_MISSING: return "missing";
    case PC_ERR_GROUP: return "group";
    case PC_ERR_TYPE: return "type";
    case PC_ERR_LIMIT: return "limit";
    case PC_ERR_INTERNAL: return "internal";
    case PC_STATUS_END: break;
    }
    return "unknown";
}
