import { ContentType } from '../../src/protocol/content-type.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { hex } from './hex.ts';
import type { RecordVector } from './record-vector.ts';

/** RFC 8448 §3, simple 1-RTT handshake: everything that was sent under the application traffic keys. */
export const rfc8448: readonly RecordVector[] = [
  {
    name: 'client',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'aes-128-gcm',
      key: hex('17422dda596ed5d9acd890e3c63f5051'),
      iv: hex('5b78923dee08579033e523d9'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '3031',
        ),
        wire: hex(
          '1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b',
          '62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('1703030013c9872760655666b74d7ff1153efd6db6d0b0e3'),
      },
    ],
  },
  {
    name: 'server',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'aes-128-gcm',
      key: hex('9f02283b6c9c07efc26bb9f2ac92e356'),
      iv: hex('cf782b88dd83549aadf1e984'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex(
          '040000c90000001efad6aac502000000b22c035d829359ee5ff7af4ec900000000262a6494dc486d2c8a34cb33fa90bf',
          '1b0070ad3c498883c9367c09a2be785abc55cd226097a3a982117283f82a03a143efd3ff5dd36d64e861be7fd61d2827',
          'db279cce145077d454a3664d4e6da4d29ee03725a6a4dafcd0fc67d2aea70529513e3da2677fa5906c5b3f7d8f92f228',
          'bda40dda721470f9fbf297b5aea617646fac5c03272e970727c621a79141ef5f7de6505e5bfbc388e93343694093934a',
          'e4d3570008002a000400000400',
        ),
        wire: hex(
          '17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a',
          '015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e0',
          '9c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77',
          'f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74',
          'bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f',
        ),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '3031',
        ),
        wire: hex(
          '17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8',
          'fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9'),
      },
    ],
  },
];
