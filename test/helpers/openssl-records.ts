import { ContentType } from '../../src/protocol/content-type.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { hex } from './hex.ts';
import type { RecordVector } from './record-vector.ts';

/**
 * Records of OpenSSL 3.0.19 talking to itself in memory (Python's ssl.MemoryBIO, one connection for each suite). Keys
 * were derived from the key log by a program in Python (RFC 5246 §6.3, RFC 8446 §7.3), and fragments decrypted by
 * pyca/cryptography: none of it went through this library. TLS 1.2 begins at Finished, the first record under the keys.
 */
export const opensslRecords: readonly RecordVector[] = [
  {
    name: 'TLS 1.2 ECDHE-RSA-AES128-GCM-SHA256, client',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'aes-128-gcm',
      key: hex('181374541e4d86355f52562ef6ba5b39'),
      iv: hex('56ac78ebe370a09029e781ef'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000ccf1a0e332e2e1640acef00be'),
        wire: hex('1603030028e370a09029e781eff826fb3cee9614f59702e39d004847078fe49bd2ab7299f83eb97f24dace3a99'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320636c69656e74'),
        wire: hex('1703030023e370a09029e781f0f4caf6a024d8185b4578c77263c101597771e099048ca705d93c98'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '303132333435363738393a3b3c3d3e3f',
        ),
        wire: hex(
          '1703030058e370a09029e781f12f3e23d6c5b4a7971460b85596e9a7d53fb407f060924e5189fa275a71c7515ec644df',
          '80c65dfab7fca7d71d9c5468efca98b27895b2885d406280e9b5c3afd1d5812f0b67648355ab3cc687eea2c2e7',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('150303001ae370a09029e781f2b91c7661b00086d1089481fb25b5d3163743'),
      },
    ],
  },
  {
    name: 'TLS 1.2 ECDHE-RSA-AES128-GCM-SHA256, server',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'aes-128-gcm',
      key: hex('ff2e6285bda8fb3db4c5f5c7609ee3e7'),
      iv: hex('083be68b8fb68af79bee4851'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000c58438a51e2b6dc649456ff95'),
        wire: hex('16030300288fb68af79bee4851d9be043e0cb97d6c571ff4a73a53d7b22d59905d2066d02c086dbefc10bb31ca'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320736572766572'),
        wire: hex('17030300238fb68af79bee48529da43c4dc5361de7ce6435a61dc1bcd2c08782625a3083eaad6e36'),
      },
    ],
  },
  {
    name: 'TLS 1.2 ECDHE-RSA-AES256-GCM-SHA384, client',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'aes-256-gcm',
      key: hex('95f6d8bb2364285cffb6f264de127e61525ce03dc87b9089e5a9afd86f2cd4e8'),
      iv: hex('829b9c723898ad90339bfc94'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000cdbf599138e0bc372cf4f5acd'),
        wire: hex('16030300283898ad90339bfc944552ed4db71c29c0c42cbd783d58405a7a7b8190a5dab2f67ad6ec47deaf2cdc'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320636c69656e74'),
        wire: hex('17030300233898ad90339bfc95f9c1b4011b1abc35b1a8b426afa8b53cf11995227d71081ced9e73'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '303132333435363738393a3b3c3d3e3f',
        ),
        wire: hex(
          '17030300583898ad90339bfc96b42f0f58ee4a4b19524365f32571318246b2172d557c142d6378c2c76c07e598078238',
          '6746f8f61603cedbcaffa70008a7256af4caef3376933e00fe0288f8f9f25cfa7b8e3e5e51e1d4dffc69285ac9',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('150303001a3898ad90339bfc9783dc72c06223796896d76f11cd86b4398f99'),
      },
    ],
  },
  {
    name: 'TLS 1.2 ECDHE-RSA-AES256-GCM-SHA384, server',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'aes-256-gcm',
      key: hex('553207eba3379baa151e87fe535cae096f135685c6c63213ee986699327957fd'),
      iv: hex('7c156fa5c2c6f1b002b24568'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000c3f16a91bf35e71fd8858613a'),
        wire: hex('1603030028c2c6f1b002b24568fc37dd760cdd0cdcd8dbb6e8f861eb81e1007b0538d4726b99cc07805b0577d9'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320736572766572'),
        wire: hex('1703030023c2c6f1b002b245695e3bad795c8ddedf4c6dfffff076388934d2365371a481d91c128a'),
      },
    ],
  },
  {
    name: 'TLS 1.2 ECDHE-RSA-CHACHA20-POLY1305, client',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'chacha20-poly1305',
      key: hex('4a32a135b71b47acb21626b269659a46bf92caa3059788c61423fdb265d9a19b'),
      iv: hex('c00f2ab9f4db0d035c3f1e98'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000ccaaaeff77235660e2b8a68df'),
        wire: hex('16030300206e6cb0308d2789aea459387a95021a6df7886a42a573c030099214f2a0674c2e'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320636c69656e74'),
        wire: hex('170303001ba277385a5db5a1c5ae464e403c8d8f99c4591c25eefca8f78b56c8'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '303132333435363738393a3b3c3d3e3f',
        ),
        wire: hex(
          '1703030050636ae229e8ff07c4506a07f0d90b82287a002e3c86a8f6366a86656f08a08ebfb26d9aeaf142a320c737d4',
          '2243deb9344dd552d0e21eb2ed9a3078316d215d02fc4ef126cf93dd36f5108c6b0b1d1ea4',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('150303001232534324197f423c1784a5903881ff829984'),
      },
    ],
  },
  {
    name: 'TLS 1.2 ECDHE-RSA-CHACHA20-POLY1305, server',
    keys: {
      version: ProtocolVersion.tls12,
      aead: 'chacha20-poly1305',
      key: hex('4d3e7abf3d880f00bef9cc437b60f4ab1af0b3f7f716537eb5427c57ec8d2fe8'),
      iv: hex('bdc7ab7d8c4a60e95f380e9c'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.handshake,
        fragment: hex('1400000cd1cb28ffc91761a830c6c443'),
        wire: hex('1603030020c197c9cc14995626e624a88df3dd68d059283f64101f6bc1e808c6c17ac3ff57'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320736572766572'),
        wire: hex('170303001b7e79e647e8e40a84dd86d11c048d345cc6c282f0bcf291ec5294aa'),
      },
    ],
  },
  {
    name: 'TLS 1.3 TLS_AES_256_GCM_SHA384, client',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'aes-256-gcm',
      key: hex('97a7fb1989232bc2f8c3257d475bf18f4862288fb5f09f47edf59657c10a1e94'),
      iv: hex('8bedc3f5ba7030acb3dfe5c6'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320636c69656e74'),
        wire: hex('170303001cae617df733c187a2be6e7e25770e1a381b66691d2e8dc55b428835d8'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '303132333435363738393a3b3c3d3e3f',
        ),
        wire: hex(
          '1703030051917b04917ee0bf764fea96f942d517c5da898ff85ea264a4c1dbf14cf1ab136c27c796b3da66448d6f6d74',
          '34939a62350e2cf3fdbe1e0c45cad083f2b1f6f0ba993d17b05b3af9ef213a6d16be567f2bb3',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('1703030013e312b3c78179609d8b05ff6ae118ede3b1dc16'),
      },
    ],
  },
  {
    name: 'TLS 1.3 TLS_AES_256_GCM_SHA384, server',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'aes-256-gcm',
      key: hex('09ca509d6b951fa9a687222ea9d7aa399761f31ee4b56d143e4fec7f36fd0fe7'),
      iv: hex('a0eef62241111968863d5c30'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320736572766572'),
        wire: hex('170303001cd6f7e5fb830a0aac2c1b695ae2faf53b287d2f4950646ecd4b768515'),
      },
    ],
  },
  {
    name: 'TLS 1.3 TLS_CHACHA20_POLY1305_SHA256, client',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'chacha20-poly1305',
      key: hex('b4c9a399a75dabff065d5005ba5b8a9255aad71951e7f2a8f80067baa9741fe8'),
      iv: hex('c2c707ff8b2ee6eb398ca83a'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320636c69656e74'),
        wire: hex('170303001cdbdc16db1e7920b695c1c49a0ac43559f09204bb7fd5999c89af97b0'),
      },
      {
        type: ContentType.applicationData,
        fragment: hex(
          '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f',
          '303132333435363738393a3b3c3d3e3f',
        ),
        wire: hex(
          '1703030051a4014f00398651e3ceb330de7f1f45f129515f6a8075efa3309552e88a57c920e40f219d2a1bf766e68136',
          '9c7993477715725b0ed379bf811ec73ce7d1be1323fa03289d9c4ea13408316822cf94d3839d',
        ),
      },
      {
        type: ContentType.alert,
        fragment: hex('0100'),
        wire: hex('17030300138fd02bd5f337d23713c6014b88e59d9af5a169'),
      },
    ],
  },
  {
    name: 'TLS 1.3 TLS_CHACHA20_POLY1305_SHA256, server',
    keys: {
      version: ProtocolVersion.tls13,
      aead: 'chacha20-poly1305',
      key: hex('34c120ae003f1937143bb6d52c579b7f0612448adaff96880cfb65b9c4106b36'),
      iv: hex('24eccc960ed933796592906b'),
      sequenceNumber: 0n,
    },
    records: [
      {
        type: ContentType.applicationData,
        fragment: hex('6b746c7320736572766572'),
        wire: hex('170303001c36ff3aac7e29d97954e17c421cd2f6cd0a9dca0723c9f76f35930d53'),
      },
    ],
  },
];
