#include "loopback.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
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

// Milliseconds. On loopback either is there at once, unless somebody else on this machine has filled the listener's queue: that must not keep
// the event loop.
constexpr int patience = 100;

// 0 when the descriptor is ready, or a negative errno.
int Await(int fd, short event) {
  pollfd watched = {fd, event, 0};
  const int ready = poll(&watched, 1, patience);
  if (ready < 0) return -errno;
  return ready == 0 ? -ETIMEDOUT : 0;
}

int Connect(int fd, const sockaddr_in& address) {
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
  if (errno != EINPROGRESS) return -errno;
  if (const int late = Await(fd, POLLOUT)) return late;
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) ? -errno : -error;
}

int Accept(int fd, sockaddr_in* peer) {
  if (const int late = Await(fd, POLLIN)) return late;
  socklen_t length = sizeof *peer;
  const int accepted = accept4(fd, reinterpret_cast<sockaddr*>(peer), &length, SOCK_CLOEXEC);
  return accepted < 0 ? -errno : accepted;
}

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
  const Owned listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.get() < 0 || Listen(listener.get(), &address)) return -errno;
  Owned client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (client.get() < 0) return -errno;
  // Does not wait for accept(): the backlog takes the connection.
  if (const int failed = Connect(client.get(), address)) return failed;
  sockaddr_in peer = {};
  Owned server(Accept(listener.get(), &peer));
  if (server.get() < 0) return server.get();
  sockaddr_in own = {};
  socklen_t length = sizeof own;
  if (getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &length)) return -errno;
  // Somebody else on this machine may have been faster on the port.
  if (own.sin_port != peer.sin_port) return -ECONNABORTED;
  if (fcntl(client.get(), F_SETFL, 0)) return -errno;
  pair[0] = client.Release();
  pair[1] = server.Release();
  return 0;
}
