#include "engine.h"

#include <openssl/err.h>
#include <string.h>

static void append_string(struct ktls_log *log, const char *text) {
    if (!text) text = "";
    ktls_log_bytes(log, text, strlen(text) + 1);
}

/* Empties OpenSSL's error queue into the log, oldest first, each entry as: u32 packed code, library\0, reason\0, data\0. */
void ktls_errors_collect(struct ktls_log *log) {
    const char *data;
    int flags;
    unsigned long code;
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const uint32_t packed = (uint32_t)code;
        ktls_log_bytes(log, &packed, sizeof packed);
        append_string(log, ERR_lib_error_string(code));
        append_string(log, ERR_reason_error_string(code));
        append_string(log, flags & ERR_TXT_STRING ? data : NULL);
    }
}

/* The error queue as the result, for calls that answered 0. */
void KTLS_EXPORT(ktls_errors)(void) {
    ktls_result_clear();
    ktls_errors_collect(&ktls_result);
}
