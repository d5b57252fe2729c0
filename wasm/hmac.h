/* HMAC (RFC 2104) on OpenSSL's hash functions themselves: through EVP it takes three times as long. */
#ifndef KTLS_HMAC_H
#define KTLS_HMAC_H

#include <stddef.h>
#include <stdint.h>

enum { KTLS_LONGEST_HASH = 64 };

struct ktls_hash;

/* By OpenSSL's name; NULL for one that TLS's key schedules do not have. */
const struct ktls_hash *ktls_hash_by_name(const char *name);
size_t ktls_hash_size(const struct ktls_hash *hash);

struct ktls_part {
    const void *bytes;
    size_t length;
};

void ktls_hash(const struct ktls_hash *hash, const void *bytes, size_t length, uint8_t *out);

/* A key ready for use. Holds secrets: to be cleansed. */
struct ktls_hmac_key {
    const struct ktls_hash *hash;
    uint64_t inner[32];
    uint64_t outer[32];
};
void ktls_hmac_use_key(struct ktls_hmac_key *key, const struct ktls_hash *hash, const void *bytes, size_t length);
/* Of all parts in a row; `out` may be one of them. */
void ktls_hmac(const struct ktls_hmac_key *key, const struct ktls_part *parts, size_t count, uint8_t *out);

#endif
