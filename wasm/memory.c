/*
 * What OpenSSL and this module hold, counted. What a handshake takes is charged to its connection until it is finished, since until then
 * nobody knows who is at the other end: a connection that goes over its bound is given no more, and fails as it would for want of memory.
 *
 * All of it is wiped when it is given back. OpenSSL itself wipes what it knows to be secret when it frees it, but not what lies within
 * larger structures, as a connection's traffic secrets do in its SSL and IVs in its record layers.
 */
#include "engine.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* Of dlmalloc. */
size_t malloc_usable_size(const void *block);

enum {
    /* For one connection. Most take 35 to 95 KiB, the longest hello that OpenSSL reads (131 KB) as much more as it is long. */
    FOR_ONE = 1 << 20,
    /* Where all unfinished ones together have taken half of what there is for them, each may have no more than what it needs. */
    FOR_ONE_OF_MANY = 128 << 10,
    FOR_ALL = 256 << 20,
    /* To say what is wrong: an alert, and OpenSSL's account of it. */
    FAREWELL = 64 << 10,
};

static int live_allocations;
static ktls_engine *charged;
static int64_t unfinished; /* bytes of all handshakes that are not finished */

/* What is taken from now on is this connection's; NULL: nobody's. Answers who it was until now. */
ktls_engine *ktls_charge(ktls_engine *engine) {
    ktls_engine *before = charged;
    charged = engine && !engine->finished ? engine : NULL;
    return before;
}

/* The connection that is being driven, while it is not finished. */
ktls_engine *ktls_charged(void) { return charged; }

/* The connection is finished or gone: what it has is no handshake's any more. */
void ktls_discharge(ktls_engine *engine) {
    if (charged == engine) charged = NULL;
    unfinished -= engine->charge;
    engine->charge = 0;
}

static void count(int64_t bytes) {
    if (!charged) return;
    charged->charge += bytes;
    unfinished += bytes;
}

static int allows(size_t bytes) {
    if (!charged) return 1;
    const int64_t room = charged->refused ? FAREWELL : 0;
    const int64_t limit = unfinished > FOR_ALL / 2 ? FOR_ONE_OF_MANY : FOR_ONE;
    if (charged->charge + (int64_t)bytes <= limit + room && unfinished + (int64_t)bytes <= FOR_ALL + room) return 1;
    charged->refused = 1;
    return 0;
}

static void *counting_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    void *block = size && allows(size) ? malloc(size) : NULL;
    if (!block) return NULL;
    live_allocations++;
    count((int64_t)malloc_usable_size(block));
    return block;
}

static void counting_free(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (!block) return;
    live_allocations--;
    const size_t size = malloc_usable_size(block);
    count(-(int64_t)size);
    OPENSSL_cleanse(block, size);
    free(block);
}

static void *counting_realloc(void *block, size_t size, const char *file, int line) {
    if (!block) return counting_malloc(size, file, line);
    const size_t before = malloc_usable_size(block);
    if (size && size <= before) return block;
    void *larger = size ? counting_malloc(size, file, line) : NULL;
    if (size && !larger) return NULL;
    if (larger) memcpy(larger, block, before);
    counting_free(block, file, line);
    return larger;
}

/* OpenSSL takes other functions only before its first allocation (CRYPTO_set_mem_functions(3)). */
__attribute__((constructor)) static void count_allocations(void) {
    CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free);
}

int KTLS_EXPORT(ktls_live_allocations)(void) { return live_allocations; }

/* Bytes of all handshakes that are not finished. */
uint32_t KTLS_EXPORT(ktls_unfinished_bytes)(void) { return unfinished > 0 ? (uint32_t)unfinished : 0; }
