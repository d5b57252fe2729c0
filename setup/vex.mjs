// node setup/vex.mjs: whether openssl.openvex.json, which says what each of OpenSSL's advisories means here, can be believed: it has the form
// of OpenVEX 0.2.0, is about this release of ktls and of OpenSSL, and the options that it names are those that OpenSSL was configured with.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { readLock } from './openssl-release.mjs';
import { at, build } from './paths.mjs';

// Resolves to what is wrong, nothing if all is right. `files` by their paths, for a test that changes them.
export function faultsOf(files) {
  const document = JSON.parse(files['openssl.openvex.json']);
  const ajv = new Ajv2020({ allErrors: true });
  addFormats.default(ajv);
  const isForm = ajv.compile(JSON.parse(files['setup/openvex.schema.json']));
  if (!isForm(document)) return isForm.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
  const names = document.statements.map(({ vulnerability }) => vulnerability.name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...repeated.map((name) => `${name} is there twice`),
    ...document.statements.flatMap((statement) =>
      [...wrongProducts(statement, files), ...wrongReasons(statement, files)].map(
        (fault) => `${statement.vulnerability.name}: ${fault}`,
      ),
    ),
  ];
}

// A new release of either must be looked at before the statements are carried over to it.
function wrongProducts({ products }, files) {
  const packages = [
    ['package.json', files.openssl],
    ['ech/package.json', files.openssl4],
  ];
  const wanted = packages.map(([file, openssl]) => {
    const { name, version } = JSON.parse(files[file]);
    return { '@id': `pkg:npm/${name}@${version}`, subcomponents: [{ '@id': `pkg:generic/openssl@${openssl}` }] };
  });
  return JSON.stringify(products) === JSON.stringify(wanted) ? [] : [`is not about ${JSON.stringify(wanted)}`];
}

function wrongReasons({ vulnerability, status, justification, impact_statement = '', status_notes = '' }, files) {
  const script = files['wasm/build-openssl.sh'];
  const options = new Set(script.replace(/^\s*#.*$/gm, '').match(/\b(?:no|enable)-[\w-]+/g));
  const named = `${impact_statement} ${status_notes}`.match(/\b(?:no|enable)-[a-z][\w-]*/g) ?? [];
  const faults = named
    .filter((option) => !options.has(option))
    .map((option) => `OpenSSL is not configured with ${option}`);
  // What came of it, as Configure has written it down.
  const [, disabled] = /our %disabled = \(\n(.*?)\n\s*\);/s.exec(files.configuration ?? '') ?? [];
  for (const option of disabled === undefined ? [] : named.filter((name) => name.startsWith('no-'))) {
    if (!disabled.includes(`"${option.slice(3)}" => "`)) faults.push(`the build was not made with ${option}`);
  }
  if (justification === 'vulnerable_code_not_present' && named.length === 0)
    faults.push('names no option that leaves it out');
  if (status === 'fixed' && !script.includes(vulnerability.name))
    faults.push('wasm/build-openssl.sh has no change for it');
  const [, uncalled = ''] = /nothing in wasm\/ calls ([^.:]*)/i.exec(impact_statement) ?? [];
  for (const [call] of uncalled.matchAll(/\w+(?=\(3\))/g)) {
    if (new RegExp(`\\b${call}\\(`).test(files.sources)) faults.push(`wasm/ calls ${call}`);
  }
  return faults;
}

export function readFiles() {
  const read = (path) => readFileSync(at(path), 'utf8');
  const paths = [
    'openssl.openvex.json',
    'setup/openvex.schema.json',
    'package.json',
    'ech/package.json',
    'wasm/build-openssl.sh',
  ];
  const configuration = build('openssl/wasm/configdata.pm');
  const sources = readdirSync(at('wasm')).filter((name) => name.endsWith('.c'));
  return {
    ...Object.fromEntries(paths.map((path) => [path, read(path)])),
    openssl: readLock().version,
    openssl4: readLock('4.0').version,
    configuration: existsSync(configuration) ? readFileSync(configuration, 'utf8') : undefined,
    sources: sources.map((name) => read(`wasm/${name}`)).join('\n'),
  };
}

if (import.meta.filename === process.argv[1]) {
  const faults = faultsOf(readFiles());
  for (const fault of faults) console.error(fault);
  if (faults.length === 0)
    console.log('openssl.openvex.json is of the form of OpenVEX, and true of the build as far as it can be seen');
  process.exitCode = faults.length === 0 ? 0 : 1;
}
