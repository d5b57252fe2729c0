import { type CipherSupport, probe } from '../index.ts';
import { type Command, command, ExitCode, jsonOption, UsageError } from './command.ts';
import { recordProtection, reportMachine } from './machine.ts';
import { versions } from './versions.ts';

export const probeCommand: Command = command({
  name: 'probe',
  summary: 'Try what this kernel can do for TLS connections',
  usage: '[--json]',
  details: [
    'Keys are installed and records sent on loopback connections: what is said is what happened, for each version,',
    'cipher and direction. Nothing is changed, and no rights are needed.',
  ],
  examples: [
    ['ktls probe', 'a table for people'],
    ["ktls probe --json | jq '.ciphers[] | select(.write.usable)'", 'the ciphers that this kernel seals'],
  ],
  options: { json: jsonOption },
  async run({ json }, positionals, output) {
    if (positionals.length > 0) throw new UsageError(`probe takes no arguments, but got '${positionals[0]}'`);
    if (json) output.json(machineAsJson());
    else reportMachine(output.report);
    return ExitCode.done;
  },
});

function machineAsJson(): object {
  const { kernel, module, refused, sendfile, faults, ciphers } = probe();
  return {
    versions: versions(),
    platform: { os: process.platform, arch: process.arch, kernel, module },
    // Without kernel TLS there is no sendfile for the same reason, which has the error, too.
    kernelTls: ability(refused === undefined ? undefined : (sendfile ?? { refused })),
    userSpace: recordProtection(),
    sendfile: ability(sendfile),
    faults: faults.map(({ reference, direction, effect }) => ({ reference, direction, effect })),
    ciphers: ciphers.map(({ version, aead, write, read, rekey }) => ({
      version,
      aead,
      write: ability(write),
      read: ability(read),
      rekey,
    })),
  };
}

/** Whether something works, and if not why, with the system's error where it was one. */
function ability(refused: CipherSupport['read']): { usable: boolean; reason: string | null; errno: string | null } {
  return { usable: refused === undefined, reason: refused?.refused ?? null, errno: refused?.code ?? null };
}
