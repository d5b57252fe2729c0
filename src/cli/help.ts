import type { Command, CommandOption } from './command.ts';
import type { Report } from './report.ts';

/** What the command as a whole does. */
export function printHelp(report: Report, commands: readonly Command[]): void {
  report.line('Usage: ktls COMMAND [OPTION…]');
  report.line('TLS whose records the Linux kernel can seal and open: what it does here, and tools around it.');
  report.heading('Commands');
  list(
    report,
    commands.map(({ name, summary }) => [name, summary]),
  );
  report.heading('Options');
  list(report, [
    ['-h, --help', 'this, or of a command all there is to know: ktls COMMAND --help'],
    ['--version', 'the versions of ktls, OpenSSL and Node.js'],
  ]);
  report.heading('Exit codes');
  list(report, [
    ['0', 'done'],
    ['1', 'failed; stderr says why'],
    ['2', 'wrong usage: no such command, option or value'],
  ]);
  report.line();
  report.line(
    'Colours are for terminals only; NO_COLOR=1 turns them off there. KTLS=off keeps everything out of the kernel.',
  );
}

/** All there is to know of one command. */
export function printCommandHelp(report: Report, command: Command): void {
  const { name, summary, usage, details = [], options, examples } = command;
  report.line(`Usage: ktls ${[name, usage].filter(Boolean).join(' ')}`);
  report.line(`${summary}.`);
  if (details.length > 0) report.line();
  for (const line of details) report.line(line);
  report.heading('Options');
  list(report, [
    ...Object.entries(options).map(([long, option]): [string, string] => [optionSyntax(long, option), said(option)]),
    ['-h, --help', 'this'],
  ]);
  report.heading('Examples');
  for (const [line, does] of examples) {
    report.line(`  ${report.style('bold', line)}`);
    report.line(`      ${does}`);
  }
}

function optionSyntax(long: string, { short, placeholder, alone }: CommandOption): string {
  const value = alone === undefined ? placeholder : `[${placeholder}]`;
  return `${short ? `-${short}, ` : ''}--${long}${value ? ` ${value}` : ''}`;
}

function said({ about, default: usual, multiple }: CommandOption): string {
  const remarks = [
    ...(typeof usual === 'string' ? [`default: ${usual}`] : []),
    ...(multiple ? ['can be given more than once'] : []),
  ];
  return remarks.length > 0 ? `${about} (${remarks.join('; ')})` : about;
}

function list(report: Report, rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([first]) => first.length));
  for (const [first, second] of rows) report.line(`  ${first.padEnd(width)}  ${second}`);
}
