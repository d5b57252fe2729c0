/*
 * Key exchange is made by JavaScript (the addon, which has assembly where this module has plain C) for the groups that it offers: the
 * private keys never come here, and X25519 takes half the time. libssl sees keys as ever, EVP_PKEYs, but theirs are empty ones that
 * hold shares (RFC 8446 §4.2.8) and a number that JavaScript knows the private key by. All groups are alike here: who starts makes a
 * share and, with the other's, the secret; who responds makes both of the other's share. The linker puts __wrap_X in the place of X
 * (--wrap, CMakeLists.txt).
 */
#include "engine.h"

#include "../ssl/ssl_local.h"
#include <openssl/evp.h>
#include <string.h>

EVP_PKEY *__real_ssl_generate_pkey_group(SSL_CONNECTION *s, uint16_t id);
EVP_PKEY *__real_ssl_generate_pkey(SSL_CONNECTION *s, EVP_PKEY *peer);
EVP_PKEY *__real_ssl_generate_param_group(SSL_CONNECTION *s, uint16_t id);
int __real_ssl_derive(SSL_CONNECTION *s, EVP_PKEY *own, EVP_PKEY *peer, int use);
int __real_ssl_encapsulate(SSL_CONNECTION *s, EVP_PKEY *peer, uint8_t **share, size_t *share_length, int use);
int __real_ssl_decapsulate(SSL_CONNECTION *s, EVP_PKEY *own, const uint8_t *share, size_t share_length, int use);
int __real_EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from);
int __real_EVP_PKEY_set1_encoded_public_key(EVP_PKEY *key, const uint8_t *share, size_t length);
size_t __real_EVP_PKEY_get1_encoded_public_key(EVP_PKEY *key, uint8_t **share);

struct exchange {
    uint32_t number; /* of the private key, until it has been used; 0: none */
    uint16_t group;
    size_t share_length;
    uint8_t *share;
    size_t secret_length;
    uint8_t *secret; /* of one who responded */
};

/* A head and the share that follows; src/engine/openssl/key-exchanges.ts reads it. */
struct question {
    uint32_t number;
    uint16_t group;
    uint16_t length;
};

enum { LONGEST_SHARE = 1280 };

enum { MOST_GROUPS = 16 };
static uint16_t offered[MOST_GROUPS];

/* JavaScript takes this group's exchanges from here on. */
void KTLS_EXPORT(ktls_offer_group)(int group) {
    for (size_t i = 0; i < MOST_GROUPS; i++) {
        if (offered[i]) continue;
        offered[i] = (uint16_t)group;
        return;
    }
}

static int is_offered(uint16_t group) {
    for (size_t i = 0; i < MOST_GROUPS && offered[i]; i++)
        if (offered[i] == group) return 1;
    return 0;
}

static int ask(enum ktls_question question, const struct exchange *own, const uint8_t *share, size_t length) {
    struct {
        struct question head;
        uint8_t share[LONGEST_SHARE];
    } asked = {.head = {own->number, own->group, (uint16_t)length}};
    if (length > LONGEST_SHARE) return -1;
    if (length) memcpy(asked.share, share, length);
    return ktls_ask(NULL, question, &asked, sizeof asked.head + length);
}

static void on_free(void *key, void *data, CRYPTO_EX_DATA *all, int index, long argument, void *pointer) {
    (void)key;
    (void)all;
    (void)index;
    (void)argument;
    (void)pointer;
    struct exchange *exchange = data;
    if (!exchange) return;
    if (exchange->number) ask(KTLS_ASK_EXCHANGE_FORGET, exchange, NULL, 0);
    OPENSSL_free(exchange->share);
    OPENSSL_clear_free(exchange->secret, exchange->secret_length);
    OPENSSL_free(exchange);
}

static int exchange_index(void) {
    static int index = -1;
    if (index < 0) index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, on_free);
    return index;
}

static struct exchange *exchange_of(const EVP_PKEY *key) { return key ? EVP_PKEY_get_ex_data(key, exchange_index()) : NULL; }

/* 0: a key of OpenSSL's own. */
int ktls_exchange_group(const EVP_PKEY *key) {
    const struct exchange *exchange = exchange_of(key);
    return exchange ? exchange->group : 0;
}

static struct exchange *attach(EVP_PKEY *key, uint16_t group) {
    struct exchange *exchange = OPENSSL_zalloc(sizeof *exchange);
    if (!exchange) return NULL;
    exchange->group = group;
    if (EVP_PKEY_set_ex_data(key, exchange_index(), exchange)) return exchange;
    OPENSSL_free(exchange);
    return NULL;
}

static int set_share(struct exchange *exchange, const uint8_t *share, size_t length) {
    OPENSSL_free(exchange->share);
    exchange->share = OPENSSL_memdup(share, length);
    exchange->share_length = exchange->share ? length : 0;
    return exchange->share != NULL;
}

static EVP_PKEY *new_key(uint16_t group, struct exchange **exchange) {
    EVP_PKEY *key = EVP_PKEY_new();
    *exchange = key ? attach(key, group) : NULL;
    if (*exchange) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* What is in front of JavaScript's answer: a key's number, or the length of a share. */
static uint32_t answered_number(void) {
    uint32_t number;
    memcpy(&number, ktls_answer, sizeof number);
    return number;
}

EVP_PKEY *__wrap_ssl_generate_pkey_group(SSL_CONNECTION *s, uint16_t group) {
    struct exchange *exchange;
    if (!is_offered(group)) return __real_ssl_generate_pkey_group(s, group);
    EVP_PKEY *key = new_key(group, &exchange);
    const int length = key ? ask(KTLS_ASK_EXCHANGE_START, exchange, NULL, 0) : -1;
    if (length > 4) exchange->number = answered_number();
    if (length > 4 && set_share(exchange, ktls_answer + 4, (size_t)length - 4)) return key;
    EVP_PKEY_free(key);
    SSLfatal(s, SSL_AD_INTERNAL_ERROR, ERR_R_EVP_LIB);
    return NULL;
}

/* What the other's share will be put in. */
EVP_PKEY *__wrap_ssl_generate_param_group(SSL_CONNECTION *s, uint16_t group) {
    struct exchange *exchange;
    return is_offered(group) ? new_key(group, &exchange) : __real_ssl_generate_param_group(s, group);
}

int __wrap_EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from) {
    const struct exchange *exchange = exchange_of(from);
    return exchange ? attach(to, exchange->group) != NULL : __real_EVP_PKEY_copy_parameters(to, from);
}

int __wrap_EVP_PKEY_set1_encoded_public_key(EVP_PKEY *key, const uint8_t *share, size_t length) {
    struct exchange *exchange = exchange_of(key);
    if (!exchange) return __real_EVP_PKEY_set1_encoded_public_key(key, share, length);
    return length > 0 && length <= LONGEST_SHARE && set_share(exchange, share, length);
}

size_t __wrap_EVP_PKEY_get1_encoded_public_key(EVP_PKEY *key, uint8_t **share) {
    const struct exchange *exchange = exchange_of(key);
    if (!exchange) return __real_EVP_PKEY_get1_encoded_public_key(key, share);
    *share = OPENSSL_memdup(exchange->share, exchange->share_length);
    return *share ? exchange->share_length : 0;
}

/* The peer's share is no good (RFC 8446 §4.2.8.2, RFC 7748 §6.1). */
static int refuse(SSL_CONNECTION *s) {
    SSLfatal(s, SSL_AD_ILLEGAL_PARAMETER, SSL_R_BAD_KEY_SHARE);
    return 0;
}

/* Makes this side's share and the secret of the peer's share. */
static int respond(SSL_CONNECTION *s, const struct exchange *peer, struct exchange *own) {
    const int length = ask(KTLS_ASK_EXCHANGE_RESPOND, peer, peer->share, peer->share_length);
    const uint32_t share_length = length > 4 ? answered_number() : 0;
    if (!share_length || share_length >= (uint32_t)length - 4) return refuse(s);
    const uint8_t *secret = ktls_answer + 4 + share_length;
    own->secret_length = (size_t)length - 4 - share_length;
    own->secret = OPENSSL_memdup(secret, own->secret_length);
    const int ok = own->secret && set_share(own, ktls_answer + 4, share_length);
    OPENSSL_cleanse(ktls_answer, (size_t)length);
    if (ok) return 1;
    SSLfatal(s, SSL_AD_INTERNAL_ERROR, ERR_R_CRYPTO_LIB);
    return 0;
}

/* As ssl_derive and its like end: the master secret of it, or kept for later. The secret is taken over. */
static int use_secret(SSL_CONNECTION *s, uint8_t *secret, size_t length, int use) {
    if (!use) {
        s->s3.tmp.pms = secret;
        s->s3.tmp.pmslen = length;
        return 1;
    }
    const int ok = ssl_gensecret(s, secret, length);
    OPENSSL_clear_free(secret, length);
    return ok;
}

static int finish(SSL_CONNECTION *s, struct exchange *own, const uint8_t *share, size_t share_length, int use) {
    const int length = own->number ? ask(KTLS_ASK_EXCHANGE_FINISH, own, share, share_length) : -1;
    own->number = 0;
    if (length <= 0) return refuse(s);
    uint8_t *secret = OPENSSL_memdup(ktls_answer, (size_t)length);
    OPENSSL_cleanse(ktls_answer, (size_t)length);
    if (secret) return use_secret(s, secret, (size_t)length, use);
    SSLfatal(s, SSL_AD_INTERNAL_ERROR, ERR_R_CRYPTO_LIB);
    return 0;
}

EVP_PKEY *__wrap_ssl_generate_pkey(SSL_CONNECTION *s, EVP_PKEY *peer_key) {
    const struct exchange *peer = exchange_of(peer_key);
    struct exchange *own;
    if (!peer) return __real_ssl_generate_pkey(s, peer_key);
    EVP_PKEY *key = new_key(peer->group, &own);
    if (key && respond(s, peer, own)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

int __wrap_ssl_derive(SSL_CONNECTION *s, EVP_PKEY *own_key, EVP_PKEY *peer_key, int use) {
    struct exchange *own = exchange_of(own_key);
    const struct exchange *peer = exchange_of(peer_key);
    if (!own || !peer) return __real_ssl_derive(s, own_key, peer_key, use);
    if (!own->secret) return finish(s, own, peer->share, peer->share_length, use);
    uint8_t *secret = own->secret;
    own->secret = NULL;
    return use_secret(s, secret, own->secret_length, use);
}

int __wrap_ssl_encapsulate(SSL_CONNECTION *s, EVP_PKEY *peer_key, uint8_t **share, size_t *share_length, int use) {
    const struct exchange *peer = exchange_of(peer_key);
    if (!peer) return __real_ssl_encapsulate(s, peer_key, share, share_length, use);
    struct exchange own = {0};
    if (!respond(s, peer, &own)) {
        OPENSSL_clear_free(own.secret, own.secret_length);
        return 0;
    }
    *share = own.share;
    *share_length = own.share_length;
    return use_secret(s, own.secret, own.secret_length, use);
}

int __wrap_ssl_decapsulate(SSL_CONNECTION *s, EVP_PKEY *own_key, const uint8_t *share, size_t share_length, int use) {
    struct exchange *own = exchange_of(own_key);
    return own ? finish(s, own, share, share_length, use) : __real_ssl_decapsulate(s, own_key, share, share_length, use);
}
