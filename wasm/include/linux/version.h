/* The newest kernel whose TLS interface OpenSSL asks about (zero-copy send: 5.19) is older than this one. */
#pragma once
#define KERNEL_VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)
