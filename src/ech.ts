export type { EchResult } from './connection/handshake.ts';
export {
  type ClientEchOptions,
  type EchKey,
  type EchKeyOptions,
  EchKeys,
  type EchOptions,
  type GeneratedEchKey,
  generateEchKey,
  type ServerEchOptions,
} from './context/ech.ts';
export { type EchConfig, readEchConfigs } from './context/ech-configs.ts';
export type { HpkeSuiteNames } from './context/ech-names.ts';
