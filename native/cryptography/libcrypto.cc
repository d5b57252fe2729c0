#include "libcrypto.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif
#endif

// glibc 2.34 gave dlsym() a new version when it moved it from libdl to libc. The first one is the same function, and
// lets a build of today load where Node does: glibc 2.28 and later.
#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__aarch64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#endif

namespace {

void* Symbol(const char* name) {
#ifdef _WIN32
  return reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(nullptr), name));
#else
  return dlsym(RTLD_DEFAULT, name);
#endif
}

#ifdef __linux__
struct Search {
  ElfW(Addr) address;
  const void* object;
};

int Contains(dl_phdr_info* info, size_t, void* data) {
  Search& search = *static_cast<Search*>(data);
  for (const ElfW(Phdr)* header = info->dlpi_phdr; header != info->dlpi_phdr + info->dlpi_phnum; header++) {
    if (header->p_type != PT_LOAD) continue;
    // Unsigned: what is below wraps to what is far above.
    if (search.address - (info->dlpi_addr + header->p_vaddr) >= header->p_memsz) continue;
    search.object = info->dlpi_phdr;
    return 1;
  }
  return 0;
}
#endif

// What tells the object that a symbol is in from others; null if it cannot be told. Windows is asked for symbols of one object only. dladdr() looks at each
// name that the object exports, of which Node has so many that the addon took 25 ms longer to load.
const void* ObjectOf(const void* symbol) {
#ifdef _WIN32
  return symbol == nullptr ? nullptr : GetModuleHandleW(nullptr);
#elif defined(__linux__)
  Search search = {reinterpret_cast<ElfW(Addr)>(symbol), nullptr};
  dl_iterate_phdr(Contains, &search);
  return search.object;
#else
  Dl_info found = {};
  return symbol != nullptr && dladdr(symbol, &found) != 0 ? found.dli_fbase : nullptr;
#endif
}

// All functions have to be of one object: a process may have loaded a second OpenSSL, or a library that brings some of its names, and what one
// has made means nothing to another.
const void* TheObject() { return ObjectOf(Symbol("EVP_CIPHER_fetch")); }

template <typename Function>
bool Resolve(Function*& function, const char* name) {
  void* symbol = Symbol(name);
  function = reinterpret_cast<Function*>(symbol);
  return symbol != nullptr && ObjectOf(symbol) == TheObject();
}

#define RESOLVE(name) Resolve(found.name, #name)

bool ResolveAll(Libcrypto& found) {
  return RESOLVE(EVP_CIPHER_fetch) && RESOLVE(EVP_CIPHER_free) && RESOLVE(EVP_CIPHER_CTX_new) &&
         RESOLVE(EVP_CIPHER_CTX_free) && RESOLVE(EVP_CIPHER_CTX_ctrl) && RESOLVE(EVP_EncryptInit_ex) &&
         RESOLVE(EVP_EncryptUpdate) && RESOLVE(EVP_EncryptFinal_ex) && RESOLVE(EVP_DecryptInit_ex) &&
         RESOLVE(EVP_DecryptUpdate) && RESOLVE(EVP_DecryptFinal_ex) && RESOLVE(OPENSSL_cleanse) &&
         RESOLVE(ERR_set_mark) && RESOLVE(ERR_pop_to_mark);
}

bool ResolveAll(LibcryptoKeys& found) {
  return RESOLVE(EVP_PKEY_new) && RESOLVE(EVP_PKEY_free) && RESOLVE(EVP_PKEY_copy_parameters) &&
         RESOLVE(EVP_PKEY_set1_encoded_public_key) && RESOLVE(EVP_PKEY_get1_encoded_public_key) &&
         RESOLVE(EVP_PKEY_CTX_new_from_name) && RESOLVE(EVP_PKEY_CTX_new_from_pkey) && RESOLVE(EVP_PKEY_CTX_free) &&
         RESOLVE(EVP_PKEY_CTX_set_group_name) && RESOLVE(EVP_PKEY_paramgen_init) && RESOLVE(EVP_PKEY_paramgen) &&
         RESOLVE(EVP_PKEY_keygen_init) && RESOLVE(EVP_PKEY_keygen) && RESOLVE(EVP_PKEY_derive_init) &&
         RESOLVE(EVP_PKEY_derive_set_peer) && RESOLVE(EVP_PKEY_derive) && RESOLVE(EVP_PKEY_encapsulate_init) &&
         RESOLVE(EVP_PKEY_encapsulate) && RESOLVE(EVP_PKEY_decapsulate_init) && RESOLVE(EVP_PKEY_decapsulate) &&
         RESOLVE(CRYPTO_free);
}

}  // namespace

const LibcryptoKeys* LibcryptoKeys::Find() {
  static LibcryptoKeys found;
  static const bool complete = ResolveAll(found);
  return complete ? &found : nullptr;
}

const Libcrypto* Libcrypto::Find() {
  static Libcrypto found;
  // Initialised once, also with several workers loading the addon at a time.
  static const bool complete = ResolveAll(found);
  return complete ? &found : nullptr;
}
