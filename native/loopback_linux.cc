#include "loopback_linux.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace {

// A descriptor that is closed unless it is released.
class Owned {
 public:
  explicit Owned(int fd) : fd_(fd) {}
  ~Owned() {
    if (fd_ >= 0) close(fd_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  int get() const { return fd_; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

int Listen(int fd, sockaddr_in* address) {
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(address);
  socklen_t length = sizeof *address;
  return bind(fd, generic, length) || listen(fd, 1) || getsockname(fd, generic, &length);
}

}  // namespace

int LoopbackPair(int pair[2]) {
  sockaddr_in address = {};
  const Owned listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (listener.get() < 0 || Listen(listener.get(), &address)) return -errno;
  Owned client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Does not wait for accept(): the backlog takes the connection.
  if (client.get() < 0 || connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address)) return -errno;
  sockaddr_in peer = {};
  socklen_t length = sizeof peer;
  Owned server(accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
  if (server.get() < 0) return -errno;
  sockaddr_in own = {};
  length = sizeof own;
  if (getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &length)) return -errno;
  // Somebody else on this machine may have been faster on the port.
  if (own.sin_port != peer.sin_port) return -ECONNABORTED;
  pair[0] = client.Release();
  pair[1] = server.Release();
  return 0;
}
