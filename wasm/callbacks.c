/* What OpenSSL asks while it negotiates. Answers come from the engine's own fields; what needs JavaScript suspends. */
#include "engine.h"

#include "../ssl/ssl_local.h"
#include "../ssl/statem/statem_local.h"
#include "internal/ssl_unwrap.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static int on_new_session(SSL *ssl, SSL_SESSION *session) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (!engine || (SSL_is_server(ssl) && !engine->report_sessions)) return 0;
    const int length = i2d_SSL_SESSION(session, NULL);
    if (length <= 0) return 0;
    unsigned id_length;
    const uint8_t *id = SSL_SESSION_get_id(session, &id_length), *ticket = NULL;
    size_t ticket_length = 0;
    SSL_SESSION_get0_ticket(session, &ticket, &ticket_length);
    const size_t total = 1 + id_length + 2 + ticket_length + (size_t)length;
    uint8_t *bytes = OPENSSL_malloc(total);
    if (!bytes) return 0;
    uint8_t *end = bytes;
    *end++ = (uint8_t)id_length;
    memcpy(end, id, id_length);
    end += id_length;
    *end++ = (uint8_t)ticket_length;
    *end++ = (uint8_t)(ticket_length >> 8);
    if (ticket_length) memcpy(end, ticket, ticket_length);
    end += ticket_length;
    i2d_SSL_SESSION(session, &end);
    ktls_log_append(&engine->log, KTLS_OUT_SESSION, 0, bytes, total);
    OPENSSL_clear_free(bytes, total);
    return 0; /* the session stays OpenSSL's */
}

static void on_key_log(const SSL *ssl, const char *line) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (engine && engine->want_key_log) ktls_ech_log(engine, line, strlen(line));
}

/*
 * A client's name is acknowledged where it decided something, and not on resumption (RFC 6066 §3). Which context answers it was decided
 * before: on_client_hello. A session of TLS 1.2 remembers the name whether acknowledged or not, for is_of_name.
 */
static int on_server_name(SSL *ssl, int *alert, void *argument) {
    (void)argument;
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (!SSL_is_server(ssl)) return SSL_TLSEXT_ERR_OK;
    if (!engine || !engine->server_name || SSL_session_reused(ssl)) return SSL_TLSEXT_ERR_NOACK;
    if (!SSL_SESSION_set1_hostname(SSL_get_session(ssl), engine->server_name)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return engine->context_chosen ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/*
 * Whether a session may be resumed in a connection for this name. In TLS 1.2 the name belongs to the session, and with another one a
 * server must not resume it (RFC 6066 §3). In TLS 1.3 it does not (RFC 8446 §4.6.1); the session id context says what counts there.
 */
static int is_of_name(const ktls_engine *engine, const SSL_SESSION *session) {
    if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) return 1;
    const char *name = SSL_SESSION_get0_hostname(session);
    return !OPENSSL_strcasecmp(name ? name : "", engine->server_name ? engine->server_name : "");
}

/* What is no ticket of ours leads to a whole handshake and a new one (SSL_CTX_set_session_ticket_cb(3)). */
static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const uint8_t *name, size_t name_length, SSL_TICKET_STATUS status,
                                          void *argument) {
    (void)name;
    (void)name_length;
    (void)argument;
    const ktls_engine *engine = SSL_get_app_data(ssl);
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!engine || !is_of_name(engine, session)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* The server's order counts; no common protocol is no_application_protocol (RFC 7301 §3.2). */
static int on_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_length, const uint8_t *in, unsigned in_length, void *argument) {
    (void)argument;
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (engine && engine->asks & KTLS_ASK_ALPN) {
        if (ktls_ask(engine, KTLS_ASK_ALPN, in, in_length) != 2) return SSL_TLSEXT_ERR_ALERT_FATAL;
        const unsigned offset = ktls_answer[0] | ktls_answer[1] << 8;
        if (offset >= in_length || offset + 1u + in[offset] > in_length) return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = in + offset + 1;
        *out_length = in[offset];
        return SSL_TLSEXT_ERR_OK;
    }
    if (!engine || !engine->alpn) return SSL_TLSEXT_ERR_NOACK;
    uint8_t *chosen;
    if (SSL_select_next_proto(&chosen, out_length, engine->alpn, engine->alpn_length, in, in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int on_certificate(SSL *ssl, void *argument) {
    (void)argument;
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (!engine || !SSL_is_server(ssl) || !engine->suspend_certificate || engine->certificate_ready) return 1;
    const uint8_t wants_staple = SSL_get_tlsext_status_type(ssl) == TLSEXT_STATUSTYPE_ocsp;
    ktls_log_append(&engine->log, KTLS_OUT_SUSPENDED, KTLS_SUSPENDED_CERTIFICATE, &wants_staple, 1);
    engine->certificate_ready = 1;
    return -1;
}

/*
 * The name by which a context is chosen, read by OpenSSL's own parser, which does not read it again later. A second hello, after
 * HelloRetryRequest, may not name another (RFC 8446 §4.1.2): the context stays that of the first.
 */
static int read_server_name(SSL *ssl, ktls_engine *engine) {
    SSL_CONNECTION *connection = SSL_CONNECTION_FROM_SSL_ONLY(ssl);
    if (!tls_parse_extension(connection, TLSEXT_IDX_server_name, SSL_EXT_CLIENT_HELLO, connection->clienthello->pre_proc_exts, NULL, 0)) return 0;
    const char *name = connection->ext.hostname;
    if (engine->hello_ready) {
        if (!strcmp(name ? name : "", engine->server_name ? engine->server_name : "")) return 1;
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_EXTENSION);
        return 0;
    }
    engine->hello_ready = 1;
    if (name) engine->server_name = OPENSSL_strdup(name);
    return !name || engine->server_name;
}

/*
 * Before OpenSSL looks for a session: what the application says of the client's name counts for resumed connections too, and decides
 * which sessions may be resumed (ktls_engine_set_context).
 */
static int on_client_hello(SSL *ssl, int *alert, void *argument) {
    (void)argument;
    ktls_engine *engine = SSL_get_app_data(ssl);
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    if (!engine) return SSL_CLIENT_HELLO_ERROR;
    const int asks = engine->suspend_hello && !engine->hello_ready;
    if (!read_server_name(ssl, engine)) return SSL_CLIENT_HELLO_ERROR;
    if (!asks) return SSL_CLIENT_HELLO_SUCCESS;
    const uint8_t *id, *ticket;
    size_t ticket_length = 0;
    uint8_t bytes[2 + SSL_MAX_SSL_SESSION_ID_LENGTH + TLSEXT_MAXLEN_host_name];
    const size_t id_length = SSL_client_hello_get0_session_id(ssl, &id);
    const size_t name_length = engine->server_name ? strlen(engine->server_name) : 0;
    if (id_length > SSL_MAX_SSL_SESSION_ID_LENGTH || name_length > TLSEXT_MAXLEN_host_name) return SSL_CLIENT_HELLO_ERROR;
    SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_session_ticket, &ticket, &ticket_length);
    bytes[0] = ticket_length > 0;
    bytes[1] = (uint8_t)id_length;
    if (id_length) memcpy(bytes + 2, id, id_length);
    if (name_length) memcpy(bytes + 2 + id_length, engine->server_name, name_length);
    ktls_log_append(&engine->log, KTLS_OUT_SUSPENDED, KTLS_SUSPENDED_HELLO, bytes, 2 + id_length + name_length);
    return SSL_CLIENT_HELLO_RETRY;
}

/* The session that JavaScript found while the hello waited (ktls_engine_offer_session). */
static SSL_SESSION *on_get_session(SSL *ssl, const uint8_t *id, int id_length, int *copy) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    *copy = 1;
    if (!engine || !engine->found) return NULL;
    unsigned found_length;
    const uint8_t *found_id = SSL_SESSION_get_id(engine->found, &found_length);
    if (found_length != (unsigned)id_length || memcmp(found_id, id, found_length) || !is_of_name(engine, engine->found)) return NULL;
    return engine->found;
}

/* Client: tells what was stapled. Server: says whether there is something to staple. */
static int on_status(SSL *ssl, void *argument) {
    (void)argument;
    ktls_engine *engine = SSL_get_app_data(ssl);
    const uint8_t *response = NULL;
    const long length = SSL_get_tlsext_status_ocsp_resp(ssl, &response);
    if (SSL_is_server(ssl)) return length > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
    if (engine) ktls_log_append(&engine->log, KTLS_OUT_OCSP_RESPONSE, length > 0, response, length > 0 ? (size_t)length : 0);
    return 1;
}

/*
 * A handshake that was given no more memory must not go on: parts of OpenSSL, as the look at a certificate's extensions, take the want of it
 * for a fault of what they look at. Does nothing more than to tell where OpenSSL has failed by itself.
 */
void ktls_engine_abort(ktls_engine *engine) {
    SSLfatal(SSL_CONNECTION_FROM_SSL_ONLY(engine->ssl), SSL_AD_INTERNAL_ERROR, ERR_R_MALLOC_FAILURE);
    ktls_engine_collect_error(engine);
}

void ktls_context_install_callbacks(SSL_CTX *context) {
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    SSL_CTX_set_cert_cb(context, on_certificate, NULL);
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    SSL_CTX_sess_set_get_cb(context, on_get_session);
    SSL_CTX_set_session_ticket_cb(context, NULL, on_ticket_opened, NULL);
    SSL_CTX_set_tlsext_status_cb(context, on_status);
    ktls_context_install_tickets(context);
}

void KTLS_EXPORT(ktls_context_enable_key_log)(SSL_CTX *context) { SSL_CTX_set_keylog_callback(context, on_key_log); }
