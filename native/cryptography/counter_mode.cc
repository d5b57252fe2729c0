// applyCounterMode: AES in counter mode within a piece of memory, for the OpenSSL in WebAssembly.
#include <climits>
#include <memory>

#include "../binding/arguments.h"
#include "libcrypto.h"
#include "../binding/surface.h"

namespace {

constexpr size_t blockLength = 16;

// By the key's length. Looked up once: it takes longer than using it. Never freed: libcrypto may end before static
// objects do.
Libcrypto::Cipher* CipherFor(size_t keyLength) {
  struct All {
    Libcrypto::Cipher* aes128 = Libcrypto::Find()->EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
    Libcrypto::Cipher* aes192 = Libcrypto::Find()->EVP_CIPHER_fetch(nullptr, "AES-192-CTR", nullptr);
    Libcrypto::Cipher* aes256 = Libcrypto::Find()->EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  };
  static const All all;
  return keyLength == 16 ? all.aes128 : keyLength == 24 ? all.aes192 : all.aes256;
}

struct ContextRelease {
  // Cleanses the key schedule, too.
  void operator()(Libcrypto::Context* context) const { Libcrypto::Find()->EVP_CIPHER_CTX_free(context); }
};

bool Apply(const Bytes& key, const Bytes& counter, const Bytes& in, uint8_t* out) {
  const Libcrypto& libcrypto = *Libcrypto::Find();
  const ErrorScope errors(libcrypto);
  const Libcrypto::Cipher* cipher = CipherFor(key.length);
  const std::unique_ptr<Libcrypto::Context, ContextRelease> context(libcrypto.EVP_CIPHER_CTX_new());
  int written = 0;
  return cipher != nullptr && context != nullptr &&
         libcrypto.EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data, counter.data) == 1 &&
         libcrypto.EVP_EncryptUpdate(context.get(), out, &written, in.data, static_cast<int>(in.length)) == 1 &&
         static_cast<size_t>(written) == in.length;
}

Napi::Value ApplyCounterMode(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes key = arguments.Part(0, 1, 2);
  const Bytes counter = arguments.From(0, 3);
  const Bytes in = arguments.Part(0, 4, 6);
  const Bytes out = arguments.Part(0, 5, 6);
  if (arguments.refused()) return {};
  if (key.length != 16 && key.length != 24 && key.length != 32) arguments.Refuse<Napi::RangeError>(2, "16, 24 or 32");
  if (counter.length < blockLength) arguments.Refuse<Napi::RangeError>(3, "where a block is");
  if (in.length > INT_MAX) arguments.Refuse<Napi::RangeError>(6, "less than 2 GiB");
  if (arguments.refused()) return {};
  if (in.data != out.data && in.data < out.data + in.length && out.data < in.data + in.length)
    arguments.Refuse<Napi::RangeError>(5, "the same place or apart from it");
  if (arguments.refused()) return {};
  if (!Apply(key, counter, in, out.data)) {
    Napi::Error::New(info.Env(), "libcrypto failed to encrypt").ThrowAsJavaScriptException();
    return {};
  }
  return Napi::Boolean::New(info.Env(), true);
}

}  // namespace

void DefineCounterMode(Napi::Env env, Napi::Object cryptography) {
  cryptography.Set("applyCounterMode", Napi::Function::New<ApplyCounterMode>(env));
}
