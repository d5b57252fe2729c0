/* Where OpenSSL's random numbers come from: the embedder's cryptographic generator, through the import ktls.random.
   It is one like OpenSSL's own (node:crypto's is OpenSSL's), which this module would only seed with it: that one, in constant-time
   AES, took 3 % of a handshake, so TLS asks the embedder directly (--wrap, CMakeLists.txt).
   The five other functions take the place of OpenSSL's rand_unix.c, which would look for devices and system calls. */
#include <stddef.h>

#include "crypto/rand.h"
#include "crypto/rand_pool.h"

/* Fills length bytes; 1 for success. */
__attribute__((import_module("ktls"), import_name("random"))) int ktls_random(void *bytes, size_t length);

#define NONCE_LENGTH 16

int ossl_rand_pool_init(void) { return 1; }

void ossl_rand_pool_cleanup(void) {}

void ossl_rand_pool_keep_random_devices_open(int keep) { (void)keep; }

size_t ossl_pool_acquire_entropy(RAND_POOL *pool) {
  size_t length = ossl_rand_pool_bytes_needed(pool, 1);
  unsigned char *bytes = length > 0 ? ossl_rand_pool_add_begin(pool, length) : NULL;
  if (bytes != NULL && ktls_random(bytes, length) == 1) ossl_rand_pool_add_end(pool, length, 8 * length);
  return ossl_rand_pool_entropy_available(pool);
}

int ossl_pool_add_nonce_data(RAND_POOL *pool) {
  unsigned char nonce[NONCE_LENGTH];
  return ktls_random(nonce, sizeof(nonce)) == 1 && ossl_rand_pool_add(pool, nonce, sizeof(nonce), 0);
}

int __wrap_RAND_bytes_ex(OSSL_LIB_CTX *library, unsigned char *bytes, size_t length, unsigned strength) {
  (void)library, (void)strength;
  return length == 0 || ktls_random(bytes, length) == 1;
}

int __wrap_RAND_bytes(unsigned char *bytes, int length) {
  return length >= 0 && __wrap_RAND_bytes_ex(NULL, bytes, (size_t)length, 0);
}

int __wrap_RAND_priv_bytes_ex(OSSL_LIB_CTX *library, unsigned char *bytes, size_t length, unsigned strength) {
  return __wrap_RAND_bytes_ex(library, bytes, length, strength);
}
