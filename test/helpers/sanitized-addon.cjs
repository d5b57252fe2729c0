// node --require THIS: the addon that was built with AddressSanitizer, in place of the package's own. `node setup/run.mjs sanitized`.
const { join } = require('node:path');

const { dlopen } = process;

process.dlopen = (module, path, ...flags) => {
  const isOurs = /prebuilds[\\/][^\\/]+[\\/]ktls\.node$/.test(path);
  return dlopen(module, isOurs ? join(__dirname, '../../build/asan/ktls.node') : path, ...flags);
};
