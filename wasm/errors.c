#include "engine.h"

#include <openssl/err.h>
#include <string.h>

static void append_string(struct ktls_log *log, const char *text) {
    if (!text) text = "";
    ktls_log_bytes(log, text, strlen(text) + 1);
}

/* An entry: u32 packed code, library\0, reason\0, data\0. */
void ktls_errors_append(struct ktls_log *log, uint32_t code, const char *library, const char *reason, const char *data) {
    ktls_log_bytes(log, &code, sizeof code);
    append_string(log, library);
    append_string(log, reason);
    append_string(log, data);
}

/* Empties OpenSSL's error queue into the log, oldest first. */
void ktls_errors_collect(struct ktls_log *log) {
    const char *data;
    int flags;
    unsigned long code;
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *text = flags & ERR_TXT_STRING ? data : NULL;
        ktls_errors_append(log, (uint32_t)code, ERR_lib_error_string(code), ERR_reason_error_string(code), text);
    }
}

/* The error queue as the result, for calls that answered 0. */
void KTLS_EXPORT(ktls_errors)(void) {
    ktls_result_clear();
    ktls_errors_collect(&ktls_result);
}
