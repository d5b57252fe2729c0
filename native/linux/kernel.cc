// The system calls of kernel TLS, one function each, answering as the kernel does: a number, or a negative errno.
// Documentation/networking/tls.rst, tcp(7), sendfile(2).
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../binding/arguments.h"
#include "loopback.h"
#include "socket_poll.h"
#include "../binding/surface.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

namespace {

Napi::Value Answer(const Napi::CallbackInfo& info, ssize_t result) {
  return Napi::Number::New(info.Env(), static_cast<double>(result < 0 ? -errno : result));
}

Napi::Value AttachUlp(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  if (arguments.refused()) return {};
  return Answer(info, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls"));
}

int Direction(Arguments& arguments, size_t index) {
  return static_cast<int>(arguments.Integer(index, TLS_TX, TLS_RX));
}

// A longer one is refused by the kernel, and must not become a shorter one in the conversion.
socklen_t OptionLength(const Bytes& option) {
  return static_cast<socklen_t>(std::min<size_t>(option.length, INT32_MAX));
}

Napi::Value InstallKeys(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const int direction = Direction(arguments, 1);
  const Bytes cryptoInfo = arguments.Whole(2);
  if (arguments.refused()) return {};
  return Answer(info, setsockopt(fd, SOL_TLS, direction, cryptoInfo.data, OptionLength(cryptoInfo)));
}

Napi::Value ReadKeys(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const int direction = Direction(arguments, 1);
  const Bytes out = arguments.Whole(2);
  if (arguments.refused()) return {};
  socklen_t length = OptionLength(out);
  const int result = getsockopt(fd, SOL_TLS, direction, out.data, &length);
  return Answer(info, result < 0 ? result : static_cast<ssize_t>(length));
}

// MSG_DONTWAIT because the descriptor may be one that the caller made blocking, MSG_NOSIGNAL because a peer that went
// away must be EPIPE, not the end of the process.
constexpr int sendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

Napi::Value Send(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const Bytes bytes = arguments.Whole(1);
  if (arguments.refused()) return {};
  ssize_t result;
  do result = send(fd, bytes.data, bytes.length, sendFlags);
  while (result < 0 && errno == EINTR);
  return Answer(info, result);
}

// tls.rst, "Send TLS control messages".
Napi::Value SendRecord(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const auto type = static_cast<unsigned char>(arguments.Integer(1, 0, 255));
  const Bytes bytes = arguments.Whole(2);
  if (arguments.refused()) return {};
  iovec fragment = {bytes.data, bytes.length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof type)] = {};
  msghdr message = {};
  message.msg_iov = &fragment;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof type);
  memcpy(CMSG_DATA(header), &type, sizeof type);
  ssize_t result;
  do result = sendmsg(fd, &message, sendFlags);
  while (result < 0 && errno == EINTR);
  return Answer(info, result);
}

// sendfile(2) has no flags: it never waits only if the socket is non-blocking, and a peer that went away is EPIPE only
// if SIGPIPE is ignored. Node sees to both.
Napi::Value SendFile(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const int file = arguments.Descriptor(1);
  auto offset = static_cast<off64_t>(arguments.Integer(2, 0, maxSafeInteger));
  const size_t length = arguments.Size(3);
  if (arguments.refused()) return {};
  ssize_t result;
  do result = sendfile64(fd, file, &offset, length);
  while (result < 0 && errno == EINTR);
  return Answer(info, result);
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  if (arguments.refused()) return {};
  return Answer(info, DuplicateDescriptor(fd));
}

// close(2): on Linux the descriptor is gone even after EINTR, so this is never to be repeated.
Napi::Value CloseFd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  if (arguments.refused()) return {};
  return Answer(info, close(fd));
}

Napi::Value MakeLoopbackPair(const Napi::CallbackInfo& info) {
  int pair[2];
  if (const int error = LoopbackPair(pair)) return Napi::Number::New(info.Env(), error);
  Napi::Array both = Napi::Array::New(info.Env(), 2);
  both.Set(0u, Napi::Number::New(info.Env(), pair[0]));
  both.Set(1u, Napi::Number::New(info.Env(), pair[1]));
  return both;
}

}  // namespace

void DefineKernelTls(Napi::Env env, Napi::Object kernel) {
  kernel.Set("attachUlp", Napi::Function::New<AttachUlp>(env, "attachUlp"));
  kernel.Set("installKeys", Napi::Function::New<InstallKeys>(env, "installKeys"));
  kernel.Set("readKeys", Napi::Function::New<ReadKeys>(env, "readKeys"));
  kernel.Set("sendRecord", Napi::Function::New<SendRecord>(env, "sendRecord"));
  kernel.Set("send", Napi::Function::New<Send>(env, "send"));
  kernel.Set("sendFile", Napi::Function::New<SendFile>(env, "sendFile"));
  kernel.Set("duplicate", Napi::Function::New<Duplicate>(env, "duplicate"));
  kernel.Set("closeFd", Napi::Function::New<CloseFd>(env, "closeFd"));
  kernel.Set("loopbackPair", Napi::Function::New<MakeLoopbackPair>(env, "loopbackPair"));
  kernel.Set("SocketPoll", SocketPoll::Define(env));
}
