/* GnuTLS as a peer: as peer.go. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;

static void check(int result) {
    if (result >= 0) return;
    fprintf(stderr, "%s\n", gnutls_strerror(result));
    exit(1);
}

static gnutls_session_t session_on(int fd, unsigned flags) {
    gnutls_session_t session;
    check(gnutls_init(&session, flags));
    check(gnutls_priority_set(session, priority));
    check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
    gnutls_transport_set_int(session, fd);
    return session;
}

static int shake(gnutls_session_t session) {
    int result;
    do result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    return result;
}

/* Some errors only say that there was something else than data. */
static ssize_t receive(gnutls_session_t session, void *buffer, size_t length) {
    ssize_t n;
    do n = gnutls_record_recv(session, buffer, length);
    while (n < 0 && !gnutls_error_is_fatal((int)n));
    return n;
}

static void serve(const char *cert, const char *key) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t length = sizeof name;
    gnutls_datum_t tickets;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(gnutls_certificate_set_x509_key_file(credentials, cert, key, GNUTLS_X509_FMT_PEM));
    check(gnutls_session_ticket_key_generate(&tickets));
    if (bind(listener, (struct sockaddr *)&name, sizeof name) != 0 || listen(listener, 8) != 0) exit(1);
    getsockname(listener, (struct sockaddr *)&name, &length);
    printf("version %s\nport %d\n", gnutls_check_version(NULL), ntohs(name.sin_port));
    fflush(stdout);
    for (;;) {
        char buffer[16384];
        ssize_t n = -1;
        int client = accept(listener, NULL, NULL);
        gnutls_session_t session = session_on(client, GNUTLS_SERVER);
        check(gnutls_session_ticket_enable_server(session, &tickets));
        if (shake(session) == 0) {
            while ((n = receive(session, buffer, sizeof buffer)) > 0) gnutls_record_send(session, buffer, (size_t)n);
        }
        if (n == 0) {
            gnutls_record_send(session, "bye", 3);
            gnutls_bye(session, GNUTLS_SHUT_WR);
        }
        gnutls_deinit(session);
        close(client);
    }
}

static void visit(int port, gnutls_datum_t *resumed) {
    static const char *const words[] = {"hello", "again"};
    char buffer[100];
    ssize_t n;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&name, sizeof name) != 0) exit(1);
    gnutls_session_t session = session_on(server, GNUTLS_CLIENT);
    check(gnutls_server_name_set(session, GNUTLS_NAME_DNS, "localhost", 9));
    gnutls_session_set_verify_cert(session, "localhost", 0);
    if (resumed->size > 0) check(gnutls_session_set_data(session, resumed->data, resumed->size));
    check(shake(session));
    for (int word = 0; word < 2; word++) {
        check((int)gnutls_record_send(session, words[word], 5));
        check((int)receive(session, buffer, 5));
    }
    if (resumed->size == 0) check(gnutls_session_get_data2(session, resumed));
    check(gnutls_bye(session, GNUTLS_SHUT_WR));
    n = receive(session, buffer, sizeof buffer);
    printf("rest %.*s\n", n > 0 ? (int)n : 0, buffer);
    fflush(stdout);
    gnutls_deinit(session);
    close(server);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    check(gnutls_certificate_allocate_credentials(&credentials));
    check(gnutls_priority_init(&priority, "NORMAL", NULL));
    if (strcmp(argv[1], "server") == 0) serve(argv[2], argv[3]);
    gnutls_datum_t resumed = {NULL, 0};
    check(gnutls_certificate_set_x509_trust_file(credentials, argv[3], GNUTLS_X509_FMT_PEM));
    for (int i = 0; i < atoi(argv[4]); i++) visit(atoi(argv[2]), &resumed);
    return 0;
}
