import { ContentType } from '../../src/protocol/content-type.ts';
import { readHeader } from '../../src/record/header.ts';

/** Lengths of the records of application data in what one side has sent; TLS 1.2, where records say what they are. */
export function dataRecords(wire: Buffer): number[] {
  const lengths: number[] = [];
  let at = 0;
  for (let header = readHeader(wire, at); header; header = readHeader(wire, at)) {
    if (header.type === ContentType.applicationData) lengths.push(header.length);
    at += 5 + header.length;
  }
  return lengths;
}
