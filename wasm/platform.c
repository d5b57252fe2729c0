/* The operating system as the module sees it: a clock, through the import ktls.now, and nothing else.
   The C library's own versions would import a dozen functions of WASI and Emscripten, which OpenSSL touches only on
   paths that are never taken here (certificate folders, configuration by environment). */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds since 1970. */
__attribute__((import_module("ktls"), import_name("now"))) double ktls_now(void);

static int unavailable(int error) {
  errno = error;
  return -1;
}

int clock_gettime(clockid_t clock, struct timespec *answer) {
  (void)clock;
  double now = ktls_now();
  answer->tv_sec = (time_t)(now / 1000);
  answer->tv_nsec = (long)((now - (double)answer->tv_sec * 1000) * 1e6);
  return 0;
}

int gettimeofday(struct timeval *restrict answer, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  answer->tv_sec = now.tv_sec;
  answer->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *answer) {
  time_t now = (time_t)(ktls_now() / 1000);
  if (answer != NULL) *answer = now;
  return now;
}

char *getenv(const char *name) {
  (void)name;
  return NULL;
}

uid_t getuid(void) { return 0; }
uid_t geteuid(void) { return 0; }
gid_t getgid(void) { return 0; }
gid_t getegid(void) { return 0; }

DIR *opendir(const char *path) {
  (void)path;
  errno = ENOENT;
  return NULL;
}

struct dirent *readdir(DIR *directory) {
  (void)directory;
  return NULL;
}

int closedir(DIR *directory) {
  (void)directory;
  return unavailable(EBADF);
}

int stat(const char *restrict path, struct stat *restrict answer) {
  (void)path, (void)answer;
  return unavailable(ENOENT);
}

int close(int descriptor) {
  (void)descriptor;
  return unavailable(EBADF);
}

/* abort() and a failed OPENSSL_assert end here: the embedder sees a trap and knows that the instance is lost. */
void _Exit(int status) {
  (void)status;
  __builtin_trap();
}

/*
 * Grows by a quarter where that can be had. Each growth makes a new ArrayBuffer of the whole memory, which V8 counts as allocated: by single
 * pages, thousands of connections made it collect garbage for every few more. What is not touched is not resident.
 */
int __wrap_emscripten_resize_heap(size_t size) {
  const size_t page = 65536;
  const size_t pages = __builtin_wasm_memory_size(0);
  const size_t needed = (size + page - 1) / page - pages;
  const size_t wanted = needed > pages / 4 ? needed : pages / 4;
  return __builtin_wasm_memory_grow(0, wanted) != (size_t)-1 || __builtin_wasm_memory_grow(0, needed) != (size_t)-1;
}

/* Emscripten calls it after memory.grow. JavaScript finds out by itself: the old ArrayBuffer is detached. */
void emscripten_notify_memory_growth(size_t memory) { (void)memory; }
