/* The part of the kernel's TLS interface that OpenSSL compiles against. The module makes no system call:
   these layouts are only how OpenSSL hands out traffic keys. Numbers and field order are the kernel's ABI. */
#pragma once
#include <linux/types.h>

#define TLS_TX 1
#define TLS_RX 2
#define TLS_TX_ZEROCOPY_RO 3

#define TLS_VERSION_NUMBER(major, minor) ((((major) & 0xff) << 8) | ((minor) & 0xff))
#define TLS_1_2_VERSION TLS_VERSION_NUMBER(3, 3)
#define TLS_1_3_VERSION TLS_VERSION_NUMBER(3, 4)

#define TLS_SET_RECORD_TYPE 1
#define TLS_GET_RECORD_TYPE 2

struct tls_crypto_info {
  __u16 version;
  __u16 cipher_type;
};

/* A cipher's number, the sizes of its four byte strings, and the structure they make up. */
#define TLS_CIPHER_AES_GCM_128 51
#define TLS_CIPHER_AES_GCM_128_IV_SIZE 8
#define TLS_CIPHER_AES_GCM_128_KEY_SIZE 16
#define TLS_CIPHER_AES_GCM_128_SALT_SIZE 4
#define TLS_CIPHER_AES_GCM_128_TAG_SIZE 16
#define TLS_CIPHER_AES_GCM_128_REC_SEQ_SIZE 8

#define TLS_CIPHER_AES_GCM_256 52
#define TLS_CIPHER_AES_GCM_256_IV_SIZE 8
#define TLS_CIPHER_AES_GCM_256_KEY_SIZE 32
#define TLS_CIPHER_AES_GCM_256_SALT_SIZE 4
#define TLS_CIPHER_AES_GCM_256_TAG_SIZE 16
#define TLS_CIPHER_AES_GCM_256_REC_SEQ_SIZE 8

#define TLS_CIPHER_AES_CCM_128 53
#define TLS_CIPHER_AES_CCM_128_IV_SIZE 8
#define TLS_CIPHER_AES_CCM_128_KEY_SIZE 16
#define TLS_CIPHER_AES_CCM_128_SALT_SIZE 4
#define TLS_CIPHER_AES_CCM_128_TAG_SIZE 16
#define TLS_CIPHER_AES_CCM_128_REC_SEQ_SIZE 8

#define TLS_CIPHER_CHACHA20_POLY1305 54
#define TLS_CIPHER_CHACHA20_POLY1305_IV_SIZE 12
#define TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE 32
#define TLS_CIPHER_CHACHA20_POLY1305_SALT_SIZE 0
#define TLS_CIPHER_CHACHA20_POLY1305_TAG_SIZE 16
#define TLS_CIPHER_CHACHA20_POLY1305_REC_SEQ_SIZE 8

#define TLS_CRYPTO_INFO(name, CIPHER)                  \
  struct name {                                        \
    struct tls_crypto_info info;                       \
    unsigned char iv[TLS_CIPHER_##CIPHER##_IV_SIZE];   \
    unsigned char key[TLS_CIPHER_##CIPHER##_KEY_SIZE]; \
    unsigned char salt[TLS_CIPHER_##CIPHER##_SALT_SIZE]; \
    unsigned char rec_seq[TLS_CIPHER_##CIPHER##_REC_SEQ_SIZE]; \
  }

TLS_CRYPTO_INFO(tls12_crypto_info_aes_gcm_128, AES_GCM_128);
TLS_CRYPTO_INFO(tls12_crypto_info_aes_gcm_256, AES_GCM_256);
TLS_CRYPTO_INFO(tls12_crypto_info_aes_ccm_128, AES_CCM_128);
TLS_CRYPTO_INFO(tls12_crypto_info_chacha20_poly1305, CHACHA20_POLY1305);
