// node-addon-api as every file here sees it: Node-API 8, errors as pending JavaScript exceptions and never as C++ ones.
#pragma once

#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#ifndef NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS
#define NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS
#endif
// A worker that is being terminated goes on for a moment in which most of Node-API refuses to work, throwing included.
// node-addon-api would end the whole process over that. With this a call does nothing and answers undefined.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>
