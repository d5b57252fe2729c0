/* Mbed TLS as a peer: as peer.go. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/version.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_x509_crt certificates;
static mbedtls_pk_context private_key;
static mbedtls_ssl_config config;
static mbedtls_ssl_cache_context sessions;

static void check(int result) {
    char text[200];
    if (result >= 0) return;
    mbedtls_strerror(result, text, sizeof text);
    fprintf(stderr, "-0x%x %s\n", (unsigned)-result, text);
    exit(1);
}

static void set_up(int endpoint, const char *pem) {
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random_source);
    mbedtls_x509_crt_init(&certificates);
    mbedtls_pk_init(&private_key);
    mbedtls_ssl_config_init(&config);
    check(mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0));
    check(mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_source);
    check(mbedtls_x509_crt_parse_file(&certificates, pem));
}

static void say_port(mbedtls_net_context *listener) {
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    getsockname(listener->fd, (struct sockaddr *)&name, &length);
    char version[20];
    mbedtls_version_get_string(version);
    printf("version %s\nport %d\n", version, ntohs(name.sin_port));
    fflush(stdout);
}

static void echo(mbedtls_ssl_context *ssl) {
    unsigned char buffer[16384];
    int n;
    while ((n = mbedtls_ssl_read(ssl, buffer, sizeof buffer)) > 0) mbedtls_ssl_write(ssl, buffer, (size_t)n);
    if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        mbedtls_ssl_write(ssl, (const unsigned char *)"bye", 3);
        mbedtls_ssl_close_notify(ssl);
    }
}

static void serve(const char *key) {
    mbedtls_net_context listener, client;
    mbedtls_net_init(&listener);
    check(mbedtls_pk_parse_keyfile(&private_key, key, NULL));
    check(mbedtls_ssl_conf_own_cert(&config, &certificates, &private_key));
    mbedtls_ssl_cache_init(&sessions);
    mbedtls_ssl_conf_session_cache(&config, &sessions, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    check(mbedtls_net_bind(&listener, "127.0.0.1", "0", MBEDTLS_NET_PROTO_TCP));
    say_port(&listener);
    for (;;) {
        mbedtls_ssl_context ssl;
        mbedtls_ssl_init(&ssl);
        mbedtls_net_init(&client);
        check(mbedtls_ssl_setup(&ssl, &config));
        check(mbedtls_net_accept(&listener, &client, NULL, 0, NULL));
        mbedtls_ssl_set_bio(&ssl, &client, mbedtls_net_send, mbedtls_net_recv, NULL);
        if (mbedtls_ssl_handshake(&ssl) == 0) echo(&ssl);
        mbedtls_net_free(&client);
        mbedtls_ssl_free(&ssl);
    }
}

static void visit(const char *port, mbedtls_ssl_session *session, int resumes) {
    static const char *const words[] = {"hello", "again"};
    unsigned char buffer[100];
    mbedtls_net_context server;
    mbedtls_ssl_context ssl;
    int n;
    mbedtls_ssl_init(&ssl);
    mbedtls_net_init(&server);
    check(mbedtls_net_connect(&server, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP));
    check(mbedtls_ssl_setup(&ssl, &config));
    check(mbedtls_ssl_set_hostname(&ssl, "localhost"));
    if (resumes) check(mbedtls_ssl_set_session(&ssl, session));
    mbedtls_ssl_set_bio(&ssl, &server, mbedtls_net_send, mbedtls_net_recv, NULL);
    check(mbedtls_ssl_handshake(&ssl));
    for (int word = 0; word < 2; word++) {
        check(mbedtls_ssl_write(&ssl, (const unsigned char *)words[word], 5));
        check(mbedtls_ssl_read(&ssl, buffer, 5));
    }
    if (!resumes) check(mbedtls_ssl_get_session(&ssl, session));
    mbedtls_ssl_close_notify(&ssl);
    n = mbedtls_ssl_read(&ssl, buffer, sizeof buffer);
    printf("rest %.*s\n", n > 0 ? n : 0, (const char *)buffer);
    mbedtls_net_free(&server);
    mbedtls_ssl_free(&ssl);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    if (strcmp(argv[1], "server") == 0) {
        set_up(MBEDTLS_SSL_IS_SERVER, argv[2]);
        serve(argv[3]);
    } else {
        mbedtls_ssl_session session;
        mbedtls_ssl_session_init(&session);
        set_up(MBEDTLS_SSL_IS_CLIENT, argv[3]);
        mbedtls_ssl_conf_ca_chain(&config, &certificates, NULL);
        for (int i = 0; i < atoi(argv[4]); i++) visit(argv[2], &session, i > 0);
        mbedtls_ssl_session_free(&session);
    }
    return 0;
}
