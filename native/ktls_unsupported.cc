// Kernel TLS on a system that has none: every call answers "not supported", and there is no SocketPoll.
#include <cerrno>

#include "surface.h"

namespace {

#ifdef _WIN32
// UV_ENOTSUP, so that util.getSystemErrorName() knows it: Windows has no errno values of its own there.
constexpr int notSupported = -4049;
#else
constexpr int notSupported = -ENOTSUP;
#endif

Napi::Value Refuse(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), notSupported); }

}  // namespace

void DefineKernelTls(Napi::Env env, Napi::Object exports) {
  for (const char* name :
       {"attachUlp", "installKeys", "readKeys", "sendRecord", "send", "sendFile", "duplicate", "closeFd",
        "loopbackPair"}) {
    exports.Set(name, Napi::Function::New<Refuse>(env, name));
  }
}
