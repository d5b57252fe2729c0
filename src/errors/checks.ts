import { typeError } from './coded.ts';

/** Throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for an option that must be an integer within bounds. */
export function checkInteger(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') throw typeError('ERR_INVALID_ARG_TYPE', `The option ${name} must be a number`);
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const error = new RangeError(`The option ${name} must be an integer from ${least} to ${most}`);
  throw Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}
