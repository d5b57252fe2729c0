/*
 * Certificates are parsed once: a client meets the same servers again, a server the same issuers. Parsing one, decoding its key and its
 * extensions is a twelfth of a handshake. An X509 is shared by reference as it is, so nobody may change one (nobody here does).
 */
#include "engine.h"

#include <openssl/asn1t.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

const ASN1_ITEM *__real_X509_it(void);
X509 *__real_d2i_X509(X509 **target, const uint8_t **in, long length);

/* 32 take about 150 KiB. */
enum { KNOWN = 32, LONGEST = 8192 };

static struct {
    X509 *certificate;
    uint8_t *der;
    long length;
} known[KNOWN];

static void remember(X509 *certificate, const uint8_t *der, long length) {
    static unsigned next;
    uint8_t *copy = OPENSSL_memdup(der, (size_t)length);
    if (!copy || !X509_up_ref(certificate)) {
        OPENSSL_free(copy);
        return;
    }
    const unsigned at = next++ % KNOWN;
    X509_free(known[at].certificate);
    OPENSSL_free(known[at].der);
    known[at].certificate = certificate;
    known[at].der = copy;
    known[at].length = length;
}

X509 *__wrap_d2i_X509(X509 **target, const uint8_t **in, long length) {
    for (unsigned i = 0; i < KNOWN; i++) {
        X509 *certificate = known[i].certificate;
        if (!certificate || known[i].length != length || memcmp(known[i].der, *in, (size_t)length) || !X509_up_ref(certificate)) continue;
        if (target) {
            X509_free(*target);
            *target = certificate;
        }
        *in += length;
        return certificate;
    }
    const uint8_t *start = *in;
    X509 *certificate = __real_d2i_X509(target, in, length);
    if (certificate && *in - start == length && length <= LONGEST) remember(certificate, start, length);
    return certificate;
}

/* A certificate within something else: the peer's, in a session (SSL_SESSION_get0_peer(3)). */
static int part_d2i(ASN1_VALUE **value, const uint8_t **in, long length, const ASN1_ITEM *item, int tag, int class, char optional, ASN1_TLC *cache) {
    (void)item;
    const uint8_t *content = *in;
    long content_length;
    int found_tag, found_class;
    const int kind = ASN1_get_object(&content, &content_length, &found_tag, &found_class, length);
    /* Only what is there whole and has its length in front. */
    if (tag != -1 || kind != V_ASN1_CONSTRUCTED || found_tag != V_ASN1_SEQUENCE || found_class != V_ASN1_UNIVERSAL)
        return ASN1_item_ex_d2i(value, in, length, __real_X509_it(), tag, class, optional, cache);
    return __wrap_d2i_X509((X509 **)value, in, content - *in + content_length) != NULL;
}

static int part_i2d(const ASN1_VALUE **value, uint8_t **out, const ASN1_ITEM *item, int tag, int class) {
    (void)item;
    return ASN1_item_ex_i2d(value, out, __real_X509_it(), tag, class);
}

static int part_new(ASN1_VALUE **value, const ASN1_ITEM *item) {
    (void)item;
    *value = ASN1_item_new(__real_X509_it());
    return *value != NULL;
}

static void part_free(ASN1_VALUE **value, const ASN1_ITEM *item) {
    (void)item;
    ASN1_item_ex_free(value, __real_X509_it());
}

const ASN1_ITEM *__wrap_X509_it(void) {
    static const ASN1_EXTERN_FUNCS functions = {NULL, part_new, part_free, NULL, part_d2i, part_i2d, NULL, NULL, NULL};
    static const ASN1_ITEM item = {ASN1_ITYPE_EXTERN, V_ASN1_SEQUENCE, NULL, 0, &functions, 0, "X509"};
    return &item;
}

OSSL_DECODER_CTX *__real_OSSL_DECODER_CTX_new_for_pkey(EVP_PKEY **key, const char *input, const char *structure, const char *type, int selection,
                                                       OSSL_LIB_CTX *library, const char *properties);

/* Whether the provider has keys of this type, by its name or its OID as text. */
static int is_key_type(const char *type) {
    EVP_KEYMGMT *management = EVP_KEYMGMT_fetch(NULL, type, NULL);
    EVP_KEYMGMT_free(management);
    return management != NULL;
}

/*
 * OpenSSL keeps the decoder that it has put together for a type of keys, by its name and for good, also where there is none for it. The name is
 * the OID in a certificate, which may be anybody's: only types that there are get that far.
 */
OSSL_DECODER_CTX *__wrap_OSSL_DECODER_CTX_new_for_pkey(EVP_PKEY **key, const char *input, const char *structure, const char *type, int selection,
                                                       OSSL_LIB_CTX *library, const char *properties) {
    if (type && !is_key_type(type)) return NULL;
    return __real_OSSL_DECODER_CTX_new_for_pkey(key, input, structure, type, selection, library, properties);
}
