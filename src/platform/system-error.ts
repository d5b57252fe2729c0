import { getSystemErrorName } from 'node:util';

/** An error as Node.js makes it for a failed system call; `errno` is negative. */
export function systemError(errno: number, syscall: string): NodeJS.ErrnoException {
  const code = errorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}

/** Name of a negative errno. libuv has none for some that kernel TLS uses. */
export function errorName(errno: number): string {
  return unnamed[-errno] ?? getSystemErrorName(errno);
}

/** Linux's numbers (asm-generic/errno.h). */
export const Errno = {
  again: 11,
  busy: 16,
  inval: 22,
  notConnected: 107,
  badMessage: 74,
  messageSize: 90,
  keyExpired: 127,
} as const;

const unnamed: Readonly<Record<number, string>> = {
  74: 'EBADMSG',
  92: 'ENOPROTOOPT',
  127: 'EKEYEXPIRED',
};
