import { describe, expect, test } from 'vitest';
import { precondition, rangeCounts } from '../../src/files/conditions.ts';

const file = { etag: '"v1"', lastModified: new Date('2024-05-05T10:00:00.700Z') };
const [before, then, after] = ['10:00:00', '10:00:00', '10:00:01'].map((time, index) =>
  new Date(`2024-05-0${index === 0 ? 4 : 5}T${time}Z`).toUTCString(),
);

describe('preconditions (RFC 9110 §13.2.2)', () => {
  test.each([
    ['none', {}, undefined],
    ['If-None-Match, the same', { 'if-none-match': '"v1"' }, 304],
    ['If-None-Match, among others and weak', { 'if-none-match': '"v0", W/"v1"' }, 304],
    ['If-None-Match, anything', { 'if-none-match': '*' }, 304],
    ['If-None-Match, another', { 'if-none-match': '"v0"' }, undefined],
    ['If-None-Match counts over If-Modified-Since', { 'if-none-match': '"v0"', 'if-modified-since': after }, undefined],
    ['If-Modified-Since, the same second', { 'if-modified-since': then }, 304],
    ['If-Modified-Since, earlier', { 'if-modified-since': before }, undefined],
    ['If-Modified-Since, no date', { 'if-modified-since': 'yesterday' }, undefined],
    ['If-Match, the same', { 'if-match': '"v1"' }, undefined],
    ['If-Match, anything', { 'if-match': '*' }, undefined],
    ['If-Match, weak', { 'if-match': 'W/"v1"' }, 412],
    ['If-Match, another', { 'if-match': '"v0"' }, 412],
    ['If-Match counts over If-Unmodified-Since', { 'if-match': '"v1"', 'if-unmodified-since': before }, undefined],
    ['If-Unmodified-Since, earlier', { 'if-unmodified-since': before }, 412],
    ['If-Unmodified-Since, the same second', { 'if-unmodified-since': then }, undefined],
  ])('%s', (_name, headers, status) => {
    expect(precondition(headers, file)).toBe(status);
  });
});

describe('If-Range (RFC 9110 §13.1.5)', () => {
  test.each([
    ['none', undefined, true],
    ['the same tag', '"v1"', true],
    ['a weak tag', 'W/"v1"', false],
    ['another tag', '"v0"', false],
    ['the same date', then, true],
    ['a later date', after, false],
    ['no date', 'yesterday', false],
  ])('%s', (_name, condition, counts) => {
    expect(rangeCounts(condition === undefined ? {} : { 'if-range': condition }, file)).toBe(counts);
  });
});
