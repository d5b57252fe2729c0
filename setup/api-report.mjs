// node setup/api-report.mjs [--write]: compares docs/api.md with what dist/*.d.ts declare, or writes it. A change of the public API is then seen in
// review.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { at } from './paths.mjs';

const REPORT = at('docs/api.md');

function report() {
  const { name, exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const sections = Object.entries(exports)
    .filter(([, { types }]) => types)
    .map(([path, { types }]) => `## \`${join(name, path)}\`\n\n\`\`\`ts\n${declarations(types)}\n\`\`\`\n`);
  return ['# Public declarations', 'Written by `npm run api`; `npm run check` compares it.', ...sections].join('\n\n');
}

// What an entry point exports, each name once, without what is internal to it.
function declarations(types) {
  const text = readFileSync(at(types), 'utf8');
  // API Extractor cannot follow `export *` out of Node.js's own modules, and an entry that exports nothing has nothing to extract.
  if (/export \* from 'node:|^export \{\};\s*$/m.test(text)) return text.trim();
  const folder = mkdtempSync(join(tmpdir(), 'ktls-api-'));
  try {
    Extractor.invoke(configuration(types, folder), { localBuild: true });
    const [, extracted = ''] = /```ts\n(.*)\n```/s.exec(readFileSync(join(folder, 'entry.api.md'), 'utf8')) ?? [];
    return extracted.trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configuration(types, folder) {
  const none = { default: { logLevel: 'none' } };
  return ExtractorConfig.prepare({
    packageJsonFullPath: at('package.json'),
    configObject: {
      projectFolder: at(),
      newlineKind: 'lf',
      mainEntryPointFilePath: at(types),
      apiReport: { enabled: true, reportFileName: 'entry.api.md', reportFolder: folder, reportTempFolder: folder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      compiler: { overrideTsconfig: { compilerOptions: OPTIONS, include: [at(types)] } },
      messages: { compilerMessageReporting: none, extractorMessageReporting: none, tsdocMessageReporting: none },
    },
  });
}

// The compiler in API Extractor is older than the project's: it is told what it needs, and no more.
const OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'esnext.disposable', 'dom'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  types: ['node'],
  strict: true,
  skipLibCheck: true,
};

const now = report();
if (process.argv.includes('--write')) {
  writeFileSync(REPORT, now);
} else if (!existsSync(REPORT) || readFileSync(REPORT, 'utf8') !== now) {
  console.error('docs/api.md is not what the package declares. If the change is meant: npm run api');
  process.exitCode = 1;
}
