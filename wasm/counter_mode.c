/*
 * AES-GCM's counter mode is made by JavaScript (node:crypto, or the addon), which has the processor's instructions where this module has
 * plain C in constant time: that took a tenth of OpenSSL's part in a handshake. What is left here is GHASH, and single blocks, for which
 * asking would take longer.
 */
/* OpenSSL's providers use its functions in this way, too; it has to come first. */
#include "internal/deprecated.h"

#include "engine.h"
#include "prov/ciphercommon.h"
#include "prov/ciphercommon_gcm.h"
#include <openssl/aes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = AES_BLOCK_SIZE };

/* `out` (`in` itself, or apart from it) becomes `length` bytes of `in` XORed with what AES makes of `counter` and those that follow. */
KTLS_IMPORT(counter) int import_counter(const uint8_t *key, size_t key_length, const uint8_t *counter, const uint8_t *in, uint8_t *out, size_t length);

/* From how many blocks on JavaScript is asked; 0: never. */
static size_t least;

void KTLS_EXPORT(ktls_offer_counter_mode)(uint32_t blocks) { least = blocks; }

static uint32_t number_of(const uint8_t *counter) {
    return (uint32_t)counter[12] << 24 | (uint32_t)counter[13] << 16 | (uint32_t)counter[14] << 8 | counter[15];
}

static void set_number(uint8_t *counter, uint32_t number) {
    for (int i = 0; i < 4; i++) counter[BLOCK - 1 - i] = (uint8_t)(number >> 8 * i);
}

/* Only the last four bytes count (NIST SP 800-38D §6.5), and wrap. */
static void apply_here(const uint8_t *in, uint8_t *out, size_t blocks, const AES_KEY *key, const uint8_t *first) {
    uint8_t counter[BLOCK], stream[BLOCK];
    memcpy(counter, first, BLOCK);
    for (size_t done = 0; done < blocks * BLOCK; done += BLOCK) {
        AES_encrypt(counter, stream, key);
        for (size_t i = 0; i < BLOCK; i++) out[done + i] = in[done + i] ^ stream[i];
        set_number(counter, number_of(counter) + 1);
    }
    OPENSSL_cleanse(stream, sizeof stream);
}

static void apply(const uint8_t *in, uint8_t *out, size_t blocks, const void *schedule, const uint8_t counter[BLOCK]) {
    const AES_KEY *key = schedule;
    /* JavaScript's counter has all sixteen bytes. */
    const int wraps = blocks > UINT32_MAX - number_of(counter);
    if (blocks < least || wraps) {
        apply_here(in, out, blocks, key, counter);
        return;
    }
    /* A key's schedule begins with the key (FIPS 197 §5.2). */
    const size_t key_length = 4 * (key->rounds - 6);
    /* What cannot be protected must not leave, and applying it a second time would lay it bare. */
    if (!import_counter((const uint8_t *)key->rd_key, key_length, counter, in, out, blocks * BLOCK)) abort();
}

const PROV_GCM_HW *__real_ossl_prov_aes_hw_gcm(size_t bits);

static int set_key(PROV_GCM_CTX *context, const uint8_t *key, size_t length) {
    if (!__real_ossl_prov_aes_hw_gcm(8 * length)->setkey(context, key, length)) return 0;
    if (least) context->ctr = apply;
    return 1;
}

const PROV_GCM_HW *__wrap_ossl_prov_aes_hw_gcm(size_t bits) {
    static PROV_GCM_HW functions;
    if (functions.setkey) return &functions;
    functions = *__real_ossl_prov_aes_hw_gcm(bits);
    functions.setkey = set_key;
    return &functions;
}
