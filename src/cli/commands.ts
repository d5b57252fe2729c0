import { benchCommand } from './bench-command.ts';
import type { Command } from './command.ts';
import { completionCommand } from './completion-command.ts';
import { connectCommand } from './connect-command.ts';
import { decryptCommand } from './decrypt-command.ts';
import { echCommand } from './ech-command.ts';
import { keysCommand } from './keys-command.ts';
import { probeCommand } from './probe-command.ts';
import { serveCommand } from './serve-command.ts';

/** All subcommands, in the order in which help has them. */
export const commands: readonly Command[] = [
  probeCommand,
  serveCommand,
  connectCommand,
  keysCommand,
  decryptCommand,
  echCommand,
  benchCommand,
  completionCommand(() => commands),
];
