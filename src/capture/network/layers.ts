import {
  peelEthernet,
  peelEtherType,
  peelFrameRelay,
  peelHdlc,
  peelLlc,
  peelMpls,
  peelNsh,
  peelPpp,
  peelPppoe,
} from './ether-types.ts';
import type { LayerName, Peel } from './layer.ts';
import {
  peelEtherIp,
  peelGeneve,
  peelGre,
  peelGtpu,
  peelGue,
  peelL2tp,
  peelTeredo,
  peelTzsp,
  peelUdp,
  peelVxlan,
  peelVxlanGpe,
} from './tunnels.ts';
import { peelWifi } from './wifi.ts';

/** How each layer's header is taken off. IP is none of them: its fragments have to be waited for. */
export const layers: Readonly<Record<Exclude<LayerName, 'ip'>, Peel>> = {
  ethernet: peelEthernet,
  etherType: peelEtherType,
  llc: peelLlc,
  mpls: peelMpls,
  nsh: peelNsh,
  ppp: peelPpp,
  pppoe: peelPppoe,
  hdlc: peelHdlc,
  frameRelay: peelFrameRelay,
  wifi: peelWifi,
  gre: peelGre,
  udp: peelUdp,
  vxlan: peelVxlan,
  vxlanGpe: peelVxlanGpe,
  geneve: peelGeneve,
  gtpu: peelGtpu,
  l2tp: peelL2tp,
  teredo: peelTeredo,
  gue: peelGue,
  tzsp: peelTzsp,
  etherIp: peelEtherIp,
};

/** Names of those that are a tunnel, to tell what a packet was in. */
export const tunnelNames: ReadonlyMap<LayerName, string> = new Map<LayerName, string>([
  ['mpls', 'MPLS'],
  ['pppoe', 'PPPoE'],
  ['gre', 'GRE'],
  ['vxlan', 'VXLAN'],
  ['vxlanGpe', 'VXLAN-GPE'],
  ['geneve', 'Geneve'],
  ['gtpu', 'GTP-U'],
  ['l2tp', 'L2TP'],
  ['teredo', 'Teredo'],
  ['gue', 'GUE'],
  ['tzsp', 'TZSP'],
  ['etherIp', 'EtherIP'],
  ['nsh', 'NSH'],
]);
