import type { KeyExchange } from '../engine/host/key-exchange.ts';
import { NamedGroup } from '../protocol/named-group.ts';
import { type KeyExchangeConstructor, loadAddon } from './addon.ts';

/** Key exchange by the libcrypto that the process has, with the groups that it has; undefined where there is none to call. */
export function addonKeyExchange(): KeyExchange | undefined {
  const loaded = loadAddon();
  return 'refused' in loaded || !loaded.addon.KeyExchange ? undefined : keyExchangeWith(loaded.addon.KeyExchange);
}

function keyExchangeWith(Exchange: KeyExchangeConstructor): KeyExchange {
  const names = new Map<number, string>(
    Object.entries(NamedGroup)
      .filter(([name]) => Exchange.supports(name))
      .map(([name, group]) => [group, name]),
  );
  return {
    groups: [...names.keys()],
    start(group) {
      const name = names.get(group);
      if (name === undefined) return undefined;
      const exchange = new Exchange(name);
      return {
        share: exchange.share(),
        finish: (peerShare) => exchange.finish(peerShare),
        dispose: () => exchange.dispose(),
      };
    },
    respond(group, peerShare) {
      const name = names.get(group);
      const made = name === undefined ? undefined : Exchange.respond(name, peerShare);
      return made && { share: made[0], secret: made[1] };
    },
  };
}
