/*
 * Algorithms by name. OpenSSL looks one up each time that it is used, through names, properties and locks: a thirtieth of a handshake.
 * Here there is one library context with one provider, whose algorithms never change, so what was found once is found again.
 */
#include "engine.h"

#include <openssl/core.h>
#include <string.h>

typedef void *construct_method(int name, const OSSL_ALGORITHM *algorithm, OSSL_PROVIDER *provider);

void *__real_evp_generic_fetch(OSSL_LIB_CTX *library, int operation, const char *name, const char *properties, construct_method *construct,
                               int (*share)(void *), void (*release)(void *));
void *__real_evp_generic_fetch_from_prov(OSSL_PROVIDER *provider, int operation, const char *name, const char *properties,
                                         construct_method *construct, int (*share)(void *), void (*release)(void *));

enum { KNOWN = 64, LONGEST_NAME = 32 };

static struct {
    int operation;
    char name[LONGEST_NAME];
    void *method;
} known[KNOWN];

static unsigned count;

/* One that is the caller's, or NULL. */
static void *find(int operation, const char *name, const char *properties, int (*share)(void *)) {
    if (!name || (properties && *properties)) return NULL;
    for (unsigned i = 0; i < count; i++)
        if (known[i].operation == operation && !strcmp(known[i].name, name)) return share(known[i].method) ? known[i].method : NULL;
    return NULL;
}

static void *remember(int operation, const char *name, const char *properties, void *method, int (*share)(void *)) {
    if (!method || !name || (properties && *properties) || count == KNOWN || strlen(name) >= LONGEST_NAME || !share(method)) return method;
    known[count].operation = operation;
    strcpy(known[count].name, name);
    known[count++].method = method;
    return method;
}

void *__wrap_evp_generic_fetch(OSSL_LIB_CTX *library, int operation, const char *name, const char *properties, construct_method *construct,
                               int (*share)(void *), void (*release)(void *)) {
    void *method = find(operation, name, properties, share);
    if (method) return method;
    method = __real_evp_generic_fetch(library, operation, name, properties, construct, share, release);
    return remember(operation, name, properties, method, share);
}

void *__wrap_evp_generic_fetch_from_prov(OSSL_PROVIDER *provider, int operation, const char *name, const char *properties,
                                         construct_method *construct, int (*share)(void *), void (*release)(void *)) {
    void *method = find(operation, name, properties, share);
    if (method) return method;
    method = __real_evp_generic_fetch_from_prov(provider, operation, name, properties, construct, share, release);
    return remember(operation, name, properties, method, share);
}
