/*
 * Session tickets under keys that are the server's, whatever context is chosen for a name, and that several servers can share: 16 bytes of name, 16 of HMAC-SHA-256 secret, 16 of AES-128-CBC key, as
 * node:tls has them (RFC 5077 §4, SSL_CTX_set_tlsext_ticket_key_evp_cb(3)). One of them seals, all open.
 */
#include "engine.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { PART = 16, KEY_LENGTH = 3 * PART, MOST_KEYS = 16 };

/* From the oldest to the newest; those behind `sealing` are of servers whose clocks are ahead. */
typedef struct {
    uint32_t count;
    uint32_t sealing;
    uint8_t keys[][KEY_LENGTH];
} ticket_keys;

static ticket_keys *new_keys(uint32_t count, uint32_t sealing) {
    ticket_keys *made = OPENSSL_malloc(sizeof(ticket_keys) + count * KEY_LENGTH);
    if (made) *made = (ticket_keys){.count = count, .sealing = sealing};
    return made;
}

static void wipe_keys(ticket_keys *keys) {
    if (keys) OPENSSL_clear_free(keys, sizeof(ticket_keys) + keys->count * KEY_LENGTH);
}

static void free_keys(void *context, void *keys, CRYPTO_EX_DATA *data, int index, long number, void *pointer) {
    (void)context;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    wipe_keys(keys);
}

static int keys_index(void) {
    static int index = -1;
    if (index < 0) index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_keys);
    return index;
}

static int use_mac_key(EVP_MAC_CTX *mac, uint8_t *key) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, PART),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}

static int seal(uint8_t *key, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    memcpy(name, key, PART);
    if (RAND_bytes(iv, PART) <= 0 || !EVP_EncryptInit_ex2(cipher, EVP_aes_128_cbc(), key + 2 * PART, iv, NULL)) return -1;
    return use_mac_key(mac, key + PART) ? 1 : -1;
}

static int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
    const ktls_engine *engine = SSL_get_app_data(ssl);
    ticket_keys *held = engine ? SSL_CTX_get_ex_data(engine->server_context, keys_index()) : NULL;
    if (!held) return -1;
    if (sealing) return seal(held->keys[held->sealing], name, iv, cipher, mac);
    uint32_t at = 0;
    while (at < held->count && CRYPTO_memcmp(name, held->keys[at], PART)) at++;
    if (at == held->count) return 0;
    uint8_t *key = held->keys[at];
    if (!EVP_DecryptInit_ex2(cipher, EVP_aes_128_cbc(), key + 2 * PART, iv, NULL) || !use_mac_key(mac, key + PART)) return -1;
    /* RFC 5077 §3.3: a ticket whose key retires soon is replaced. */
    return at < held->sealing ? 2 : 1;
}

/* New random keys; the context must exist already. */
void ktls_context_install_tickets(SSL_CTX *context) {
    ticket_keys *made = new_keys(1, 0);
    if (!made || RAND_bytes(made->keys[0], KEY_LENGTH) <= 0 || !SSL_CTX_set_ex_data(context, keys_index(), made)) {
        wipe_keys(made); /* without keys no ticket is issued and none accepted */
        return;
    }
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

/* The one that seals. */
int KTLS_EXPORT(ktls_context_ticket_keys)(SSL_CTX *context) {
    const ticket_keys *held = SSL_CTX_get_ex_data(context, keys_index());
    ktls_result_clear();
    if (!held) return 0;
    ktls_log_bytes(&ktls_result, held->keys[held->sealing], KEY_LENGTH);
    return 1;
}

/* 48 bytes each, in the order of their time; `sealing`: which of them seals. Those before are wiped. */
int KTLS_EXPORT(ktls_context_set_ticket_keys)(SSL_CTX *context, const uint8_t *bytes, uint32_t length, uint32_t sealing) {
    ticket_keys *held = SSL_CTX_get_ex_data(context, keys_index());
    const uint32_t count = length / KEY_LENGTH;
    if (!held || length % KEY_LENGTH || count > MOST_KEYS || sealing >= count) return 0;
    ticket_keys *made = new_keys(count, sealing);
    if (!made) return 0;
    memcpy(made->keys, bytes, length);
    if (!SSL_CTX_set_ex_data(context, keys_index(), made)) {
        wipe_keys(made);
        return 0;
    }
    wipe_keys(held);
    return 1;
}
