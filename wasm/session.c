/* Resumption: sessions in their ASN.1 form and the keys of the server's tickets. */
#include "engine.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

/* Offers a session that KTLS_OUT_SESSION gave (without the id in front). */
int KTLS_EXPORT(ktls_engine_set_session)(ktls_engine *engine, const uint8_t *bytes, uint32_t length) {
    ERR_clear_error();
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &bytes, (long)length);
    const int ok = session && SSL_set_session(engine->ssl, session);
    SSL_SESSION_free(session);
    return ok;
}


/* The current session as ASN.1 in the result; 0 when there is none. */
int KTLS_EXPORT(ktls_engine_session)(ktls_engine *engine) {
    ktls_result_clear();
    SSL_SESSION *session = SSL_get_session(engine->ssl);
    const int length = session ? i2d_SSL_SESSION(session, NULL) : 0;
    if (length <= 0) return 0;
    uint8_t *bytes = OPENSSL_malloc((size_t)length);
    if (!bytes) return 0;
    uint8_t *end = bytes;
    i2d_SSL_SESSION(session, &end);
    ktls_log_bytes(&ktls_result, bytes, (size_t)length);
    OPENSSL_clear_free(bytes, (size_t)length);
    return 1;
}

/* The ticket of the current session (RFC 5077). */
int KTLS_EXPORT(ktls_engine_ticket)(ktls_engine *engine) {
    const uint8_t *ticket = NULL;
    size_t length = 0;
    ktls_result_clear();
    SSL_SESSION *session = SSL_get_session(engine->ssl);
    if (session) SSL_SESSION_get0_ticket(session, &ticket, &length);
    if (!length) return 0;
    ktls_log_bytes(&ktls_result, ticket, length);
    return 1;
}

void KTLS_EXPORT(ktls_context_set_session_timeout)(SSL_CTX *context, uint32_t seconds) {
    SSL_CTX_set_timeout(context, (long)seconds);
}
