#include "surface.h"

static Napi::Object Define(Napi::Env env, Napi::Object exports) {
  DefineKernelTls(env, exports);
  DefineRecordCipher(env, exports);
  DefineCounterMode(env, exports);
  DefineKeyExchange(env, exports);
  return exports;
}

NODE_API_MODULE(ktls, Define)
