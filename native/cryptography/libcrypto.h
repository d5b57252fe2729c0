// The libcrypto that this process already has: Node's own, which it exports on purpose, or the shared one it is linked
// to. Looked up at run time, so that the addon loads where there is none (Electron and Bun have BoringSSL).
#pragma once

#include <cstddef>
#include <cstdint>

struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_pkey_ctx_st;
struct evp_pkey_st;
struct engine_st;
struct ossl_param_st;
struct ossl_lib_ctx_st;

// OpenSSL 3's functions by their own names and signatures: EVP_EncryptInit(3), OPENSSL_cleanse(3), ERR_set_mark(3).
struct Libcrypto {
  using Cipher = evp_cipher_st;
  using Context = evp_cipher_ctx_st;
  using Initialize = int(Context*, const Cipher*, engine_st*, const uint8_t* key, const uint8_t* iv);
  using Update = int(Context*, uint8_t* out, int* outLength, const uint8_t* in, int length);
  using Final = int(Context*, uint8_t* out, int* outLength);

  // Algorithms by name. EVP_aes_128_gcm() and the like are older, but Windows' node.exe does not export all of them.
  Cipher* (*EVP_CIPHER_fetch)(ossl_lib_ctx_st*, const char* algorithm, const char* properties);
  void (*EVP_CIPHER_free)(Cipher*);
  Context* (*EVP_CIPHER_CTX_new)();
  void (*EVP_CIPHER_CTX_free)(Context*);
  int (*EVP_CIPHER_CTX_ctrl)(Context*, int command, int argument, void* pointer);
  Initialize* EVP_EncryptInit_ex;
  Update* EVP_EncryptUpdate;
  Final* EVP_EncryptFinal_ex;
  Initialize* EVP_DecryptInit_ex;
  Update* EVP_DecryptUpdate;
  Final* EVP_DecryptFinal_ex;
  void (*OPENSSL_cleanse)(void*, size_t);
  int (*ERR_set_mark)();
  int (*ERR_pop_to_mark)();

  // Null if any of them is missing.
  static const Libcrypto* Find();
};

// What key exchange takes besides: EVP_PKEY_keygen(3), EVP_PKEY_derive(3), EVP_PKEY_encapsulate(3).
struct LibcryptoKeys {
  using Key = evp_pkey_st;
  using Context = evp_pkey_ctx_st;
  using Parameters = ossl_param_st;

  Key* (*EVP_PKEY_new)();
  void (*EVP_PKEY_free)(Key*);
  int (*EVP_PKEY_copy_parameters)(Key* to, const Key* from);
  int (*EVP_PKEY_set1_encoded_public_key)(Key*, const uint8_t*, size_t length);
  size_t (*EVP_PKEY_get1_encoded_public_key)(Key*, uint8_t** out);
  Context* (*EVP_PKEY_CTX_new_from_name)(ossl_lib_ctx_st*, const char* name, const char* properties);
  Context* (*EVP_PKEY_CTX_new_from_pkey)(ossl_lib_ctx_st*, Key*, const char* properties);
  void (*EVP_PKEY_CTX_free)(Context*);
  int (*EVP_PKEY_CTX_set_group_name)(Context*, const char* name);
  int (*EVP_PKEY_paramgen_init)(Context*);
  int (*EVP_PKEY_paramgen)(Context*, Key**);
  int (*EVP_PKEY_keygen_init)(Context*);
  int (*EVP_PKEY_keygen)(Context*, Key**);
  int (*EVP_PKEY_derive_init)(Context*);
  int (*EVP_PKEY_derive_set_peer)(Context*, Key* peer);
  int (*EVP_PKEY_derive)(Context*, uint8_t* secret, size_t* length);
  int (*EVP_PKEY_encapsulate_init)(Context*, const Parameters*);
  int (*EVP_PKEY_encapsulate)(Context*, uint8_t* wrapped, size_t* wrappedLength, uint8_t* secret, size_t* secretLength);
  int (*EVP_PKEY_decapsulate_init)(Context*, const Parameters*);
  int (*EVP_PKEY_decapsulate)(Context*, uint8_t* secret, size_t* length, const uint8_t* wrapped, size_t wrappedLength);
  void (*CRYPTO_free)(void*, const char* file, int line);

  // Null if any of them is missing.
  static const LibcryptoKeys* Find();
};

// Takes back the errors that calls in its scope leave in the thread's queue: node:tls on the same thread would take
// them for its own (SSL_get_error(3)).
class ErrorScope {
 public:
  explicit ErrorScope(const Libcrypto& libcrypto) : libcrypto_(libcrypto) { libcrypto_.ERR_set_mark(); }
  ~ErrorScope() { libcrypto_.ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

 private:
  const Libcrypto& libcrypto_;
};

// <openssl/evp.h>'s commands for EVP_CIPHER_CTX_ctrl().
constexpr int EVP_CTRL_AEAD_GET_TAG = 0x10;
constexpr int EVP_CTRL_AEAD_SET_TAG = 0x11;
