// Botan as a peer: as peer.go. It judges nobody: that is not what is looked at.
#include <arpa/inet.h>
#include <botan/auto_rng.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/tls_client.h>
#include <botan/tls_server.h>
#include <botan/version.h>
#include <botan/x509cert.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

using namespace Botan;

namespace {

class Wire : public TLS::Callbacks {
   public:
    explicit Wire(int fd) : fd_(fd) {}

    void tls_emit_data(const uint8_t data[], size_t size) override {
        while (size > 0) {
            const ssize_t sent = send(fd_, data, size, MSG_NOSIGNAL);
            if (sent <= 0) return;
            data += sent;
            size -= static_cast<size_t>(sent);
        }
    }
    void tls_record_received(uint64_t, const uint8_t data[], size_t size) override {
        received.append(reinterpret_cast<const char*>(data), size);
    }
    void tls_alert(TLS::Alert alert) override { ended = ended || alert.type() == TLS::Alert::CLOSE_NOTIFY || alert.is_fatal(); }
    bool tls_session_established(const TLS::Session&) override { return true; }
    void tls_verify_cert_chain(const std::vector<X509_Certificate>&, const std::vector<std::shared_ptr<const OCSP::Response>>&,
                               const std::vector<Certificate_Store*>&, Usage_Type, const std::string&, const TLS::Policy&) override {}

    // Gives the channel what the peer sends next; false at the end.
    bool read_into(TLS::Channel& channel) {
        uint8_t buffer[16384];
        const ssize_t n = read(fd_, buffer, sizeof buffer);
        if (n <= 0) ended = true;
        if (!ended) channel.received_data(buffer, static_cast<size_t>(n));
        return !ended;
    }

    std::string received;
    bool ended = false;

   private:
    int fd_;
};

class Identity : public Credentials_Manager {
   public:
    Identity() = default;
    Identity(const char* cert, const char* key, RandomNumberGenerator& rng) : cert_(new X509_Certificate(cert)) {
        DataSource_Stream source(key);
        key_.reset(PKCS8::load_key(source, rng));
    }
    std::vector<X509_Certificate> cert_chain(const std::vector<std::string>& types, const std::string&, const std::string&) override {
        for (const auto& type : types)
            if (cert_ && type == key_->algo_name()) return {*cert_};
        return {};
    }
    Private_Key* private_key_for(const X509_Certificate&, const std::string&, const std::string&) override { return key_.get(); }

   private:
    std::unique_ptr<X509_Certificate> cert_;
    std::unique_ptr<Private_Key> key_;
};

sockaddr_in loopback(int port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

void serve(const char* cert, const char* key) {
    AutoSeeded_RNG rng;
    Identity identity(cert, key, rng);
    TLS::Session_Manager_In_Memory sessions(rng);
    TLS::Policy policy;
    sockaddr_in name = loopback(0);
    socklen_t length = sizeof name;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || listen(listener, 8) != 0) exit(1);
    getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length);
    printf("version %s\nport %d\n", short_version_cstr(), ntohs(name.sin_port));
    fflush(stdout);
    for (;;) {
        const int fd = accept(listener, nullptr, nullptr);
        Wire wire(fd);
        try {
            TLS::Server server(wire, sessions, identity, policy, rng);
            while (wire.read_into(server)) {
                if (wire.received.empty()) continue;
                server.send(wire.received);
                wire.received.clear();
            }
            if (!server.is_closed()) {
                server.send("bye");
                server.close();
            }
        } catch (const std::exception& error) {
            fprintf(stderr, "%s\n", error.what());
        }
        close(fd);
    }
}

void visit(int port, TLS::Session_Manager& sessions, RandomNumberGenerator& rng) {
    Identity nobody;
    TLS::Policy policy;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in name = loopback(port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) exit(1);
    Wire wire(fd);
    TLS::Client client(wire, sessions, nobody, policy, rng, TLS::Server_Information("localhost", static_cast<uint16_t>(port)));
    while (!client.is_active() && wire.read_into(client)) {}
    for (const std::string word : {"hello", "again"}) {
        client.send(word);
        while (wire.received.size() < word.size() && wire.read_into(client)) {}
        wire.received.erase(0, word.size());
    }
    client.close();
    while (wire.read_into(client)) {}
    printf("rest %s\n", wire.received.c_str());
    fflush(stdout);
    close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    if (std::string(argv[1]) == "server") serve(argv[2], argv[3]);
    AutoSeeded_RNG rng;
    TLS::Session_Manager_In_Memory sessions(rng);
    for (int i = 0; i < atoi(argv[4]); i++) visit(atoi(argv[2]), sessions, rng);
    return 0;
}
