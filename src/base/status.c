/*
 * status.c - the outer error tier: a status class and a one-line message.
 */
#include "base/text.h"

#include <assert.h>
#include <string.h>

const char *stoa_status_name(stoa_status status) {
    static const char *const names[STOA_STATUS_COUNT] = {
        [STOA_OK] = "ok",
        [STOA_ERR_USAGE] = "usage",
        [STOA_ERR_IO] = "io",
        [STOA_ERR_FORMAT] = "format",
        [STOA_ERR_MEMORY] = "memory",
        [STOA_ERR_UNSUPPORTED] = "unsupported",
        [STOA_ERR_INTERRUPTED] = "interrupted",
        [STOA_ERR_NUMERIC] = "numeric",
    };
    return (unsigned)status < STOA_STATUS_COUNT ? names[status] : "unknown";
}

stoa_status stoa_fail(stoa_error *err, stoa_status status, const char *fmt, ...) {
    assert(status != STOA_OK);
    if (!err)
        return status;
    char raw[sizeof err->message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    err->status = status;
    stoa_escape_line(err->message, sizeof err->message, raw);
    return status;
}

stoa_status stoa_fail_context(stoa_error *err, stoa_status status, const char *fmt, ...) {
    assert(status != STOA_OK);
    if (!err)
        return status;
    char raw[sizeof err->message], line[sizeof err->message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    size_t len = stoa_escape_line(line, sizeof line, raw);
    snprintf(line + len, sizeof line - len, ": %s", err->message);
    err->status = status;
    memcpy(err->message, line, sizeof line);
    return status;
}
