export type KindName =
  | 'slow'
  | 'half-open'
  | 'maximal-hello'
  | 'not-reading'
  | 'key-updates'
  | 'empty-records'
  | 'one-byte'
  | 'certificates'
  | 'tickets';
/** What a hostile peer does. `side`: whom it does it to. */
export interface Kind {
  readonly name: KindName;
  readonly side: 'server' | 'client';
  readonly about: string;
}

export const kinds: readonly Kind[] = [
  { name: 'slow', side: 'server', about: 'a hello of which a byte comes now and then, never the last' },
  { name: 'half-open', side: 'server', about: 'a hello, and then nothing' },
  { name: 'maximal-hello', side: 'server', about: 'the longest hello that OpenSSL takes, 131 KB, and then nothing' },
  { name: 'not-reading', side: 'server', about: 'nothing is read of what the server sends' },
  { name: 'key-updates', side: 'server', about: '1,000 KeyUpdates in one piece' },
  { name: 'empty-records', side: 'server', about: '1,000 empty records, a byte after each 31' },
  { name: 'one-byte', side: 'server', about: '1,000 records of a byte' },
  { name: 'certificates', side: 'server', about: '80 KB of certificates from the client' },
  { name: 'tickets', side: 'client', about: '1,000 NewSessionTickets in one piece' },
];

export const floodLength = 1000;

/** Orders to the process that is attacked. */
export type SubjectOrder =
  | { readonly do: 'begin' | 'count' }
  /** As a client: so many connections, until each has had its data or its end. */
  | { readonly do: 'connect'; readonly port: number; readonly count: number };

export interface Cost {
  /** Bytes, resident, after garbage was collected. */
  readonly resident: number;
  /** Milliseconds: the longest that the event loop stood still since `begin`, and processor time. */
  readonly longestStop: number;
  readonly processor: number;
}

/** Orders to the process of the peers: so many attacks on the port, all at their worst when it answers; then their end. */
export type PeersOrder =
  | { readonly do: 'attack'; readonly kind: KindName; readonly port: number; readonly count: number }
  | { readonly do: 'listen'; readonly kind: KindName }
  | { readonly do: 'end' };
