#include "engine.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct ktls_log ktls_result;
uint8_t ktls_scratch[KTLS_SCRATCH_SIZE];

static uint8_t *extend(struct ktls_log *log, size_t length) {
    if (log->capacity - log->length < length) {
        size_t capacity = log->capacity ? log->capacity : 256;
        while (capacity - log->length < length) capacity *= 2;
        /* Not of a connection's bound: what it is to be told must get through. */
        ktls_engine *before = ktls_charge(NULL);
        uint8_t *data = OPENSSL_clear_realloc(log->data, log->capacity, capacity);
        ktls_charge(before);
        if (!data) abort(); /* the heap is at its limit; a lost entry would break the connection silently */
        log->data = data;
        log->capacity = (uint32_t)capacity;
    }
    uint8_t *end = log->data + log->length;
    log->length += (uint32_t)length;
    return end;
}

void ktls_log_bytes(struct ktls_log *log, const void *bytes, size_t length) {
    if (length) memcpy(extend(log, length), bytes, length);
}

void ktls_log_append(struct ktls_log *log, enum ktls_output kind, uint8_t detail, const void *bytes, size_t length) {
    const uint32_t size = (uint32_t)length;
    const uint8_t head[4] = {(uint8_t)kind, detail, 0, 0};
    ktls_log_bytes(log, head, sizeof head);
    ktls_log_bytes(log, &size, sizeof size);
    ktls_log_bytes(log, bytes, length);
}

void KTLS_EXPORT(ktls_log_free)(struct ktls_log *log) {
    ktls_engine *before = ktls_charge(NULL);
    OPENSSL_clear_free(log->data, log->capacity);
    ktls_charge(before);
    memset(log, 0, sizeof *log);
}

void ktls_result_clear(void) {
    if (ktls_result.length) OPENSSL_cleanse(ktls_result.data, ktls_result.length);
    ktls_result.length = 0;
}

struct ktls_log *KTLS_EXPORT(ktls_result_address)(void) { return &ktls_result; }
uint8_t *KTLS_EXPORT(ktls_scratch_address)(void) { return ktls_scratch; }
