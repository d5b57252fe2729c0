/* OpenSSL includes it beside the C library's own <sys/socket.h>, which has all that is used. */
#pragma once
