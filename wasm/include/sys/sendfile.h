/* Declared for OpenSSL's socket BIO, which the module does not link. */
#pragma once
#include <sys/types.h>
ssize_t sendfile(int, int, off_t *, size_t);
