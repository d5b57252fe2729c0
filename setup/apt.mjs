// Files from other Debian releases, through the mirrors that this machine's apt already uses and without changing
// its configuration: a source list, package lists and a cache of our own under build/apt.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerOf, quietly } from './command.mjs';
import { release } from './debian.mjs';
import { build } from './paths.mjs';
import { SetupError } from './setup-error.mjs';

export class Apt {
  #log;
  #options;

  // type: 'deb' or 'deb-src'; suites: names of Debian releases, their security updates included.
  constructor(type, suites) {
    const folder = build('apt', `${type}-${suites.join('-')}`);
    const list = join(folder, 'sources.list');
    mkdirSync(join(folder, 'lists/partial'), { recursive: true });
    mkdirSync(join(folder, 'cache/archives/partial'), { recursive: true });
    writeFileSync(list, suites.flatMap((suite) => sourceLines(type, suite)).join(''));
    this.#log = build('logs/apt.log');
    this.#options = Object.entries({
      'Dir::Etc::SourceList': list,
      'Dir::Etc::SourceParts': join(folder, 'none'),
      'Dir::State::Lists': join(folder, 'lists'),
      'Dir::Cache': join(folder, 'cache'),
      'Debug::NoLocking': 'true',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      ...(process.getuid() === 0 && { 'APT::Sandbox::User': 'root' }),
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  async update() {
    await quietly(this.#log, 'apt-get', [...this.#options, '-q', 'update']);
  }

  // Versions of a source package that hold a file with this sha256.
  versionsWith(sha256, name) {
    const paragraphs = (answerOf('apt-cache', [...this.#options, 'showsrc', name]) ?? '').split('\n\n');
    return paragraphs.filter((text) => text.includes(sha256)).map((text) => /^Version: (.*)$/m.exec(text)[1]);
  }

  // The sha256 of a source package's upstream tar file, as the archive's signed lists have it; undefined without such a version.
  checksumOf(name, upstream) {
    const answer = answerOf('apt-cache', [...this.#options, 'showsrc', name]) ?? '';
    const file = `${name}_${upstream}.orig.tar.gz`;
    const lines = answer.split('\n').map((line) => line.trim().split(/\s+/));
    return lines.find(([sha256, , path]) => path === file && /^[0-9a-f]{64}$/.test(sha256))?.[0];
  }

  versionsOf(name) {
    const answer = answerOf('apt-cache', [...this.#options, 'showsrc', name]) ?? '';
    return [...answer.matchAll(/^Version: (.*)$/gm)].map((match) => match[1]);
  }

  // The first package that `name` depends on whose name begins like this: some packages only name another.
  dependencyOf(name, beginning) {
    const answer = answerOf('apt-cache', [...this.#options, 'depends', name]) ?? '';
    return [...answer.matchAll(/Depends: (\S+)/g)]
      .map((match) => match[1])
      .find((other) => other.startsWith(beginning));
  }

  // Fetches the upstream tar file of a source package, checked by apt, into a folder; or all of it.
  async downloadSource(name, version, folder, parts = 'tar') {
    mkdirSync(folder, { recursive: true });
    const only = parts === 'tar' ? ['--tar-only'] : [];
    const words = ['-q', 'source', '--download-only', ...only, `${name}=${version}`];
    await quietly(this.#log, 'apt-get', [...this.#options, ...words], { cwd: folder });
  }

  // Fetches the newest .deb of a package into a folder and unpacks it to `into`; nothing is installed.
  async unpack(name, folder, into) {
    mkdirSync(folder, { recursive: true });
    await quietly(this.#log, 'apt-get', [...this.#options, '-q', 'download', name], { cwd: folder });
    const archive = readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
    await quietly(this.#log, 'dpkg-deb', ['-x', join(folder, archive), into]);
  }

  // The same for packages and for all that `roots` depend on, the C library included: such a folder has nothing of this machine's.
  async unpackClosure(roots, others, into) {
    const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
    const words = ['depends', '--recurse', ...kinds.map((kind) => `--no-${kind}`), ...roots];
    const answer = roots.length === 0 ? '' : answerOf('apt-cache', [...this.#options, ...words]);
    if (answer === undefined) throw new SetupError(`Debian does not offer ${roots.join(' ')}`, 'Try again later.');
    const names = new Set(answer.split('\n').filter((line) => /^[a-z0-9]/.test(line)));
    const folder = `${into}.archives`;
    mkdirSync(folder, { recursive: true });
    await quietly(this.#log, 'apt-get', [...this.#options, '-q', 'download', ...names, ...others], { cwd: folder });
    for (const file of readdirSync(folder)) await quietly(this.#log, 'dpkg-deb', ['-x', join(folder, file), into]);
    rmSync(folder, { recursive: true });
  }

  // The same for programs and for what they depend on, as far as this machine does not have it.
  async unpackWhole(names, folder, into) {
    const words = ['-s', '--no-install-recommends', 'install', ...names];
    const plan = answerOf('apt-get', [...this.#options, ...words]);
    if (plan === undefined)
      throw new SetupError(`apt cannot plan ${names.join(' ')}`, `Run: apt-get ${words.join(' ')}`);
    const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
    for (const name of new Set([...names, ...missing])) await this.unpack(name, folder, into);
  }
}

// Suites that have no security updates of their own.
const UNRELEASED = ['sid', 'experimental'];

// The mirror of Debian that apt is configured with.
export function mirror() {
  return mainSource(machineSources()).uri;
}

function mainSource(sources) {
  const main = sources.find(({ suites }) => suites.includes(release.VERSION_CODENAME));
  if (main !== undefined) return main;
  throw new SetupError(
    `apt's sources name no mirror of Debian ${release.VERSION_CODENAME}`,
    'The source of OpenSSL can also be given as a file: set OPENSSL_TARBALL to its path.',
  );
}

function sourceLines(type, suite) {
  const sources = machineSources();
  const main = mainSource(sources);
  const security = sources.find(({ suites }) => suites.some((name) => name.endsWith('-security')));
  const line = ({ options, uri }, name) => `${type} ${options}${uri} ${name} main\n`;
  const lines = [line(main, suite)];
  if (security !== undefined && !UNRELEASED.includes(suite)) lines.push(line(security, `${suite}-security`));
  return lines;
}

// What apt itself is configured with: { suites, uri, options } for each line or paragraph.
function machineSources() {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ['/etc/apt/sources.list', ...names].filter(existsSync).flatMap((path) => {
    const text = readFileSync(path, 'utf8').replace(/^\s*#.*\n/gm, '');
    if (path.endsWith('.list')) return text.split('\n').flatMap(fromLine);
    return path.endsWith('.sources') ? text.split(/\n\s*\n/).flatMap(fromParagraph) : [];
  });
}

function fromLine(line) {
  const match = /^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)/.exec(line);
  if (match === null) return [];
  const [, options = '', uri, suite] = match;
  const signature = options.split(/\s+/).filter((option) => /^(signed-by|trusted)=/.test(option));
  return [{ uri, suites: [suite], options: bracketed(signature) }];
}

function fromParagraph(text) {
  const field = (name) => new RegExp(`^${name}:[ \t]*(.*)$`, 'mi').exec(text)?.[1].trim() ?? '';
  if (!field('Types').split(/\s+/).includes('deb') || field('Enabled') === 'no') return [];
  const signature = [];
  if (field('Signed-By').startsWith('/')) signature.push(`signed-by=${field('Signed-By')}`);
  if (field('Trusted') === 'yes') signature.push('trusted=yes');
  const suites = field('Suites').split(/\s+/);
  return field('URIs')
    .split(/\s+/)
    .map((uri) => ({ uri, suites, options: bracketed(signature) }));
}

function bracketed(options) {
  return options.length > 0 ? `[${options.join(' ')}] ` : '';
}
