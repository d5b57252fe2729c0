/* One connection's handshake and post-handshake state. Every call appends to the engine's log; nothing here waits. */
#include "engine.h"

#include "../ssl/ssl_local.h"
#include "internal/ssl_unwrap.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PLAINTEXT = 16384 };

static void on_info(const SSL *ssl, int where, int value) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    if (!engine || !(where & SSL_CB_ALERT)) return;
    const uint8_t alert[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    ktls_log_append(&engine->log, KTLS_OUT_ALERT, where & SSL_CB_WRITE ? KTLS_WRITE : KTLS_READ, alert, sizeof alert);
}

static void trace(ktls_engine *engine, int sent, int version, int type, const void *bytes, size_t length) {
    BIO *words = BIO_new(BIO_s_mem());
    if (!words) return;
    SSL_trace(sent, version, type, bytes, length, engine->ssl, words);
    char *text;
    const long text_length = BIO_get_mem_data(words, &text);
    if (text_length > 0) ktls_log_append(&engine->log, KTLS_OUT_TRACE, 0, text, (size_t)text_length);
    BIO_free(words);
}

static void on_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl, void *argument) {
    (void)ssl;
    ktls_engine *engine = argument;
    if (engine->traces) trace(engine, sent, version, type, bytes, length);
    if (sent || type != SSL3_RT_HANDSHAKE || length < 4) return;
    const uint8_t *message = bytes;
    if (!engine->finished) {
        /* Behind the message's header and the version (RFC 8446 §4.1.2). */
        if (message[0] == SSL3_MT_CLIENT_HELLO && length >= 6 + SSL3_RANDOM_SIZE) memcpy(engine->hello_random, message + 6, SSL3_RANDOM_SIZE);
        return;
    }
    if (message[0] == SSL3_MT_KEY_UPDATE && length >= 5)
        ktls_log_append(&engine->log, KTLS_OUT_KEY_UPDATE, message[4], NULL, 0);
    else if (message[0] == SSL3_MT_HELLO_REQUEST || message[0] == SSL3_MT_CLIENT_HELLO)
        ktls_log_append(&engine->log, KTLS_OUT_RENEGOTIATION, 0, NULL, 0);
}

ktls_engine *KTLS_EXPORT(ktls_engine_new)(SSL_CTX *context, int server, uint32_t offload_read, uint32_t offload_write) {
    ktls_engine *engine = OPENSSL_zalloc(sizeof *engine);
    if (!engine) return NULL;
    engine->offload[KTLS_READ] = offload_read;
    engine->offload[KTLS_WRITE] = offload_write;
    ktls_engine *before = ktls_charge(engine);
    engine->ssl = SSL_new(context);
    engine->server_context = context; /* kept by the SSL, as its session context */
    BIO *bio = ktls_record_bio_new(engine);
    ktls_charge(before);
    if (!engine->ssl || !bio) {
        BIO_free(bio);
        SSL_free(engine->ssl);
        ktls_discharge(engine);
        OPENSSL_free(engine);
        return NULL;
    }
    SSL_set_bio(engine->ssl, bio, bio);
    SSL_set_app_data(engine->ssl, engine);
    SSL_set_info_callback(engine->ssl, on_info);
    SSL_set_msg_callback(engine->ssl, on_message);
    SSL_set_msg_callback_arg(engine->ssl, engine);
    ktls_engine_request_nothing(engine);
    /* Keys that left OpenSSL cannot be renegotiated, so nobody may ask for it (RFC 5746 lets a peer refuse). */
    SSL_set_options(engine->ssl, SSL_OP_NO_RENEGOTIATION);
    if (offload_read || offload_write) SSL_set_options(engine->ssl, SSL_OP_ENABLE_KTLS);
    if (server) SSL_set_accept_state(engine->ssl);
    else SSL_set_connect_state(engine->ssl);
    return engine;
}

void KTLS_EXPORT(ktls_engine_free)(ktls_engine *engine) {
    if (!engine) return;
    ktls_discharge(engine);
    /* SSL_free alone would take a session that ended without close_notify out of use; whether it may be resumed is not ours to say. */
    SSL_set_shutdown(engine->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_info_callback(engine->ssl, NULL);
    SSL_free(engine->ssl);
    ktls_log_free(&engine->log);
    OPENSSL_free(engine->alpn);
    OPENSSL_free(engine->server_name);
    ktls_ech_forget(engine);
    SSL_SESSION_free(engine->found);
    OPENSSL_clear_free(engine, sizeof *engine);
    ERR_clear_error();
}

void ktls_engine_collect_error(ktls_engine *engine) {
    struct ktls_log queue = {0};
    if (engine->refused) ktls_errors_append(&queue, 0, KTLS_LIBRARY, KTLS_REASON_HANDSHAKE_MEMORY, NULL);
    ktls_errors_collect(&queue);
    ktls_log_append(&engine->log, KTLS_OUT_ERROR, 0, queue.data, queue.length);
    ktls_log_free(&queue);
    engine->failed = 1;
}

static int report_close_notify(ktls_engine *engine) {
    if (!engine->closed) ktls_log_append(&engine->log, KTLS_OUT_CLOSE_NOTIFY, 0, NULL, 0);
    engine->closed = 1;
    return 0;
}

/* 1: go on; 0: nothing more to do now. */
static int stopped_by(ktls_engine *engine, int result) {
    switch (SSL_get_error(engine->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return 0;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_X509_LOOKUP: return 0; /* the callback has logged KTLS_OUT_SUSPENDED */
    case SSL_ERROR_ZERO_RETURN: return report_close_notify(engine);
    case SSL_ERROR_SYSCALL:
        /*
         * So OpenSSL 3.5 answers a close_notify behind the warning user_canceled, which Java's peers send (RFC 8446 §6.1): it looks at
         * the last warning, not at what ended the reading. A fatal alert leaves an error; close_notify leaves none.
         */
        if (SSL_get_shutdown(engine->ssl) & SSL_RECEIVED_SHUTDOWN && !ERR_peek_error()) return report_close_notify(engine);
        break;
    default: break;
    }
    ktls_engine_collect_error(engine);
    return 0;
}

static int handshake(ktls_engine *engine) {
    const int result = SSL_do_handshake(engine->ssl);
    if (engine->refused) {
        ktls_engine_abort(engine);
        return 0;
    }
    if (result != 1) return stopped_by(engine, result);
    engine->finished = 1;
    ktls_discharge(engine);
    ktls_log_done(engine);
    return engine->input_length > 0;
}

/*
 * A KeyUpdate that the peer asked for leaves with OpenSSL's next SSL_write, which never comes when writes go past it. Asking for
 * an update again and driving the state machine sends it, once (SSL_key_update(3)).
 */
static void answer_key_update(ktls_engine *engine) {
    if (engine->failed || SSL_get_key_update_type(engine->ssl) == SSL_KEY_UPDATE_NONE) return;
    if (SSL_key_update(engine->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(engine->ssl) != 1)
        ktls_engine_collect_error(engine);
}

static int read_records(ktls_engine *engine) {
    static uint8_t plaintext[MAX_PLAINTEXT];
    size_t length;
    const int result = SSL_read_ex(engine->ssl, plaintext, sizeof plaintext, &length);
    if (result != 1) return stopped_by(engine, result);
    ktls_log_append(&engine->log, KTLS_OUT_APPLICATION_DATA, 0, plaintext, length);
    OPENSSL_cleanse(plaintext, length);
    return 1;
}

static void drive(ktls_engine *engine) {
    ERR_clear_error();
    if (engine->failed) return;
    if (!engine->finished && !handshake(engine)) return;
    while (read_records(engine)) continue;
    answer_key_update(engine);
}

/* Starts the handshake, or goes on after KTLS_OUT_SUSPENDED. */
void KTLS_EXPORT(ktls_engine_resume)(ktls_engine *engine) {
    ktls_engine *before = ktls_charge(engine);
    drive(engine);
    ktls_charge(before);
}

/*
 * Takes the records in the scratch buffer: whole ones of TLSCiphertext, or once the read keys were handed out one TLSPlaintext with a
 * header. Answers how many bytes were left unread: those behind the record with which the read keys changed hands (offer_keys in
 * record_bio.c), and those behind one that suspended the handshake.
 */
uint32_t KTLS_EXPORT(ktls_engine_receive)(ktls_engine *engine, uint32_t length) {
    engine->input = ktls_scratch;
    engine->input_length = length;
    engine->held_back = 0;
    ktls_engine *before = ktls_charge(engine);
    drive(engine);
    ktls_charge(before);
    const uint32_t left = (uint32_t)(engine->input_length + engine->held_back);
    engine->input_length = 0;
    OPENSSL_cleanse(ktls_scratch, length);
    return left;
}

/*
 * 1 while a handshake message has arrived in part: nothing else may come before the rest of it (RFC 8446 §5.1), and OpenSSL is the one
 * to say so.
 */
int KTLS_EXPORT(ktls_engine_in_message)(ktls_engine *engine) {
    const SSL_CONNECTION *s = SSL_CONNECTION_FROM_CONST_SSL(engine->ssl);
    return SSL_in_init(engine->ssl) || s->rlayer.handshake_fragment_len > 0;
}

/* Application data arrived that OpenSSL has not seen: as with data that it has seen, the warnings before it do not count any more. */
void KTLS_EXPORT(ktls_engine_saw_data)(ktls_engine *engine) {
    SSL_CONNECTION *s = SSL_CONNECTION_FROM_SSL(engine->ssl);
    s->rlayer.alert_count = 0;
}

/*
 * Ends the connection with a fatal alert (RFC 8446 §6.2), under the keys that this side writes with now. For faults that the caller found
 * in records that OpenSSL has not seen. After close_notify nothing is sent.
 */
void KTLS_EXPORT(ktls_engine_fail)(ktls_engine *engine, int description) {
    if (engine->failed) return;
    engine->failed = 1;
    ERR_clear_error();
    ssl3_send_alert(SSL_CONNECTION_FROM_SSL(engine->ssl), SSL3_AL_FATAL, description);
    ERR_clear_error();
}

/* Protects application data (the scratch buffer's first `length` bytes) where no other record layer does. */
int KTLS_EXPORT(ktls_engine_write)(ktls_engine *engine, uint32_t length) {
    size_t written;
    ERR_clear_error();
    const int result = SSL_write_ex(engine->ssl, ktls_scratch, length, &written);
    OPENSSL_cleanse(ktls_scratch, length);
    if (result == 1 && written == length) return 1;
    ktls_engine_collect_error(engine);
    return 0;
}

/* Sends close_notify; may be called again, which does nothing. */
void KTLS_EXPORT(ktls_engine_close)(ktls_engine *engine) {
    ERR_clear_error();
    if (engine->failed || !engine->finished || SSL_get_shutdown(engine->ssl) & SSL_SENT_SHUTDOWN) return;
    if (SSL_shutdown(engine->ssl) < 0 && SSL_get_error(engine->ssl, -1) == SSL_ERROR_SSL) ktls_engine_collect_error(engine);
    ERR_clear_error();
}

/* New write keys, and with `request` new read keys from the peer too (RFC 8446 §4.6.3). TLS 1.3 only. */
int KTLS_EXPORT(ktls_engine_update_keys)(ktls_engine *engine, int request) {
    ERR_clear_error();
    if (SSL_key_update(engine->ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
        SSL_do_handshake(engine->ssl) == 1)
        return 1;
    return 0;
}
