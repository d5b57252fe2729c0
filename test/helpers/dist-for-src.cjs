// node --require THIS: what imports src/ gets what tsc made of it. For versions of Node.js that do not know all the syntax that it translates:
// 22 has no `using`. Vitest itself translates src/; this is for the programs that tests start.
const { registerHooks } = require('node:module');
const { pathToFileURL } = require('node:url');
const { dirname } = require('node:path');

const root = `${pathToFileURL(dirname(dirname(__dirname))).href}/`;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    if (!resolved.url.startsWith(`${root}src/`)) return resolved;
    const path = resolved.url.slice(`${root}src/`.length).replace(/\.ts$/, '.js');
    return { ...resolved, url: `${root}build/modules/dist/${path}`, format: 'module' };
  },
});
