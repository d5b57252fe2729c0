// Reading what the system has of a file in memory. preadv2(2).
#include <sys/uio.h>

#include <cerrno>

#include "../binding/arguments.h"
#include "../binding/surface.h"

namespace {

// RWF_NOWAIT: EAGAIN where the file would have to be waited for, EOPNOTSUPP where its file system cannot tell. A position of -1 is the descriptor's own.
Napi::Value ReadCached(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const Bytes bytes = arguments.Part(1, 2, 3);
  const auto position = static_cast<off_t>(arguments.Integer(4, -1, maxSafeInteger));
  if (arguments.refused()) return {};
  const iovec room = {bytes.data, bytes.length};
  ssize_t result;
  do result = preadv2(fd, &room, 1, position, RWF_NOWAIT);
  while (result < 0 && errno == EINTR);
  return Napi::Number::New(info.Env(), static_cast<double>(result < 0 ? -errno : result));
}

}  // namespace

void DefineCachedFile(Napi::Env env, Napi::Object kernel) {
  kernel.Set("readCached", Napi::Function::New<ReadCached>(env, "readCached"));
}
