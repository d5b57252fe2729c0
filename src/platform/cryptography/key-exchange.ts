import type { KeyExchange } from '../../engine/host/key-exchange.ts';
import { NamedGroup } from '../../protocol/named-group.ts';
import { loadAddon } from '../addon/addon.ts';
import type { KeyExchangeConstructor } from '../addon/addon-cryptography.ts';

/** Key exchange by the libcrypto that the process has, with the groups that it has; undefined where there is none to call. */
export function addonKeyExchange(): KeyExchange | undefined {
  const loaded = loadAddon();
  const cryptography = 'refused' in loaded ? undefined : loaded.addon.cryptography;
  return cryptography && keyExchangeWith(cryptography.KeyExchange);
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
