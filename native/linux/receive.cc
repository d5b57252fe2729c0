#include "receive.h"

#include <linux/tls.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

namespace {

// recvmsg() calls in one ReceiveMany(): a peer that sends tiny records as fast as they are read must not keep the
// event loop here.
constexpr int maxTurns = 64;

int RecordType(msghdr* message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level == SOL_TLS && header->cmsg_type == TLS_GET_RECORD_TYPE) return *CMSG_DATA(header);
  }
  return noRecordType;
}

bool AwaitBytes(int fd, int least) { return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least) == 0; }

}  // namespace

bool AwaitMore(int fd) {
  int waiting = 0;
  return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0 && AwaitBytes(fd, waiting + 1);
}

bool AwaitAny(int fd) { return AwaitBytes(fd, 1); }

int TakeError(int fd) {
  int pending = 0;
  socklen_t length = sizeof pending;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &length) == 0 ? -pending : -errno;
}

Received Receive(int fd, uint8_t* out, size_t room, int flags) {
  // One iovec only: kernels have mishandled several (CVE-2026-74611).
  iovec buffer = {out, room};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(unsigned char))];
  msghdr message = {};
  message.msg_iov = &buffer;
  message.msg_iovlen = 1;
  ssize_t length;
  do {
    // Without room for the type the kernel fails a control record with EIO (tls.rst, "Receiving TLS control messages").
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    length = recvmsg(fd, &message, flags | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return {-errno, noRecordType};
  return {length, RecordType(&message)};
}

ReceivedMany ReceiveMany(int fd, uint8_t* out, size_t room) {
  ReceivedMany result = {};
  for (int turn = 0;; turn++) {
    const size_t left = room - result.applicationDataLength;
    if (left < maxFragmentLength || turn == maxTurns) {
      result.stop = ReceiveStop::full;
      return result;
    }
    // The kernel joins application data of several records in one call, but never data with a control record and never
    // two control records (tls_sw_recvmsg).
    const Received received = Receive(fd, out + result.applicationDataLength, left, 0);
    if (received.length < 0) {
      const bool blocked = received.length == -EAGAIN;
      // What the kernel says of a record it leaves on the socket, too, where every send() fails with it, also that of an alert: tls_err_abort()
      // in net/tls/tls_sw.c. Asking for it takes it away.
      if (!blocked) TakeError(fd);
      result.stop = blocked ? ReceiveStop::blocked : ReceiveStop::failed;
      result.error = blocked ? 0 : static_cast<int>(received.length);
      return result;
    }
    if (received.type == applicationData) {
      result.applicationDataLength += static_cast<size_t>(received.length);
      continue;
    }
    // Bytes without a type came from a socket without TLS_RX. They must not pass for application data, so they too are
    // reported as "something else", of type 0.
    const bool end = received.length == 0 && received.type == noRecordType;
    result.stop = end ? ReceiveStop::end : ReceiveStop::control;
    result.controlType = received.type;
    result.controlLength = static_cast<size_t>(received.length);
    return result;
  }
}
