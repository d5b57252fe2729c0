import { ProtocolVersion } from '../../src/protocol/version.ts';
import { kernelHarness } from '../contract/kernel-harness.ts';
import { describeRecordLayer } from '../contract/record-layer.contract.ts';

const { tls12, tls13 } = ProtocolVersion;
const gcm = ['aes-128-gcm', 'aes-256-gcm'] as const;

describeRecordLayer('kernel', kernelHarness(tls13, [...gcm, 'chacha20-poly1305']));
describeRecordLayer('kernel', kernelHarness(tls12, gcm));
describeRecordLayer('kernel', kernelHarness(tls12, ['chacha20-poly1305']));
