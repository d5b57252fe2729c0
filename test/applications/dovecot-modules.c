/* Preloaded into Dovecot, which looks for its modules where Debian installs them. Here they are somewhere else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct module;
struct settings;
typedef struct module *load(const char *folder, const char *names, const struct settings *settings);

struct module *module_dir_load(const char *folder, const char *names, const struct settings *settings) {
  load *next = (load *)dlsym(RTLD_NEXT, "module_dir_load");
  const char *unpacked = getenv("DOVECOT_MODULES");
  int is_ours = unpacked != NULL && strcmp(folder, "/usr/lib/dovecot/modules") == 0;
  return next(is_ours ? unpacked : folder, names, settings);
}
