/* 64 × 64 → 128 bit multiplication in 32-bit halves, for OpenSSL's big numbers and NIST curves. WebAssembly has no
   such instruction, and the compiler's own answer is a call of __multi3 that returns through memory: inline it is
   several times faster. Included before every OpenSSL source (-include), so that BN finds its macros defined. */
#pragma once
#ifndef __ASSEMBLER__

static inline __attribute__((always_inline)) unsigned long long ktls_multiply(unsigned long long a, unsigned long long b,
                                                                              unsigned long long *high) {
  unsigned long long a0 = (unsigned int)a, a1 = a >> 32, b0 = (unsigned int)b, b1 = b >> 32;
  unsigned long long low = a0 * b0;
  unsigned long long middle = a1 * b0 + (low >> 32);
  unsigned long long middle2 = a0 * b1 + (unsigned int)middle;
  *high = a1 * b1 + (middle >> 32) + (middle2 >> 32);
  return (middle2 << 32) | (unsigned int)low;
}

static inline __attribute__((always_inline)) unsigned __int128 ktls_multiply_wide(unsigned long long a,
                                                                                  unsigned long long b) {
  unsigned long long high, low = ktls_multiply(a, b, &high);
  return ((unsigned __int128)high << 64) | low;
}

#define BN_UMULT_LOHI(low, high, a, b)                 \
  do {                                                 \
    unsigned long long high_;                          \
    (low) = ktls_multiply((a), (b), &high_);           \
    (high) = high_;                                    \
  } while (0)

#define BN_UMULT_HIGH(a, b)                            \
  ({                                                   \
    unsigned long long high_;                          \
    (void)ktls_multiply((a), (b), &high_);             \
    high_;                                             \
  })
#endif
