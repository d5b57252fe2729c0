#include "../cryptography/libcrypto.h"
#include "surface.h"

static Napi::Object Define(Napi::Env env, Napi::Object exports) {
#ifdef __linux__
  Napi::Object kernel = Napi::Object::New(env);
  DefineKernelTls(env, kernel);
  DefineCachedFile(env, kernel);
  exports.Set("kernel", kernel);
#endif
  if (Libcrypto::Find() == nullptr || LibcryptoKeys::Find() == nullptr) return exports;
  Napi::Object cryptography = Napi::Object::New(env);
  DefineRecordCipher(env, cryptography);
  DefineCounterMode(env, cryptography);
  DefineKeyExchange(env, cryptography);
  exports.Set("cryptography", cryptography);
  return exports;
}

NODE_API_MODULE(ktls, Define)
