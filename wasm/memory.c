/*
 * What OpenSSL and this module hold: counted, so that a test can show that a closed connection leaves nothing behind, and wiped when it is
 * given back, all of it. OpenSSL itself wipes what it knows to be secret when it frees it, but not what lies within larger structures, as
 * a connection's traffic secrets do in its SSL and IVs in its record layers.
 */
#include "engine.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

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
    if (!block) return;
    live_allocations--;
    OPENSSL_cleanse(block, malloc_usable_size(block));
    free(block);
}

static void *counting_realloc(void *block, size_t size, const char *file, int line) {
    if (!block) return counting_malloc(size, file, line);
    const size_t old_size = malloc_usable_size(block);
    if (size && size <= old_size) return block;
    void *larger = size ? counting_malloc(size, file, line) : NULL;
    if (size && !larger) return NULL;
    if (larger) memcpy(larger, block, old_size);
    counting_free(block, file, line);
    return larger;
}

/* OpenSSL takes other functions only before its first allocation (CRYPTO_set_mem_functions(3)). */
__attribute__((constructor)) static void count_allocations(void) {
    CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free);
}

int KTLS_EXPORT(ktls_live_allocations)(void) { return live_allocations; }
