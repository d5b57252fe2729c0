/* Counts what OpenSSL and this module hold, so that a test can show that a closed connection leaves nothing behind. */
#include "engine.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static int live_allocations;

static void *counting_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    void *block = size ? malloc(size) : NULL;
    if (block) live_allocations++;
    return block;
}

static void counting_free(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (block) live_allocations--;
    free(block);
}

static void *counting_realloc(void *block, size_t size, const char *file, int line) {
    if (!block) return counting_malloc(size, file, line);
    if (size) return realloc(block, size);
    counting_free(block, file, line);
    return NULL;
}

/* OpenSSL takes other functions only before its first allocation (CRYPTO_set_mem_functions(3)). */
__attribute__((constructor)) static void count_allocations(void) {
    CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free);
}

int KTLS_EXPORT(ktls_live_allocations)(void) { return live_allocations; }
