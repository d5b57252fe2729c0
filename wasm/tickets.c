/*
 * Session tickets under keys that are the server's, whatever context is chosen for a name, and that several servers can share: 16 bytes of name, 16 of HMAC-SHA-256 secret, 16 of AES-128-CBC key, as
 * node:tls has them (RFC 5077 §4, SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
 */
#include "engine.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { PART = 16, TICKET_KEYS_LENGTH = 3 * PART };

static void free_keys(void *context, void *keys, CRYPTO_EX_DATA *data, int index, long number, void *pointer) {
    (void)context;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    OPENSSL_clear_free(keys, TICKET_KEYS_LENGTH);
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

static int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
    const ktls_engine *engine = SSL_get_app_data(ssl);
    uint8_t *keys = engine ? SSL_CTX_get_ex_data(engine->server_context, keys_index()) : NULL;
    if (!keys) return -1;
    if (sealing) {
        memcpy(name, keys, PART);
        if (RAND_bytes(iv, PART) <= 0 || !EVP_EncryptInit_ex2(cipher, EVP_aes_128_cbc(), keys + 2 * PART, iv, NULL)) return -1;
        return use_mac_key(mac, keys + PART) ? 1 : -1;
    }
    if (CRYPTO_memcmp(name, keys, PART)) return 0;
    if (!EVP_DecryptInit_ex2(cipher, EVP_aes_128_cbc(), keys + 2 * PART, iv, NULL) || !use_mac_key(mac, keys + PART)) return -1;
    return 1;
}

/* New random keys; the context must exist already. */
void ktls_context_install_tickets(SSL_CTX *context) {
    uint8_t *keys = OPENSSL_malloc(TICKET_KEYS_LENGTH);
    if (!keys || RAND_bytes(keys, TICKET_KEYS_LENGTH) <= 0 || !SSL_CTX_set_ex_data(context, keys_index(), keys)) {
        OPENSSL_free(keys); /* without keys no ticket is issued and none accepted */
        return;
    }
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

int KTLS_EXPORT(ktls_context_ticket_keys)(SSL_CTX *context) {
    const uint8_t *keys = SSL_CTX_get_ex_data(context, keys_index());
    ktls_result_clear();
    if (!keys) return 0;
    ktls_log_bytes(&ktls_result, keys, TICKET_KEYS_LENGTH);
    return 1;
}

/* Exactly 48 bytes. */
int KTLS_EXPORT(ktls_context_set_ticket_keys)(SSL_CTX *context, const uint8_t *bytes, uint32_t length) {
    uint8_t *keys = SSL_CTX_get_ex_data(context, keys_index());
    if (!keys || length != TICKET_KEYS_LENGTH) return 0;
    memcpy(keys, bytes, TICKET_KEYS_LENGTH);
    return 1;
}
