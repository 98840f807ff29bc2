import { lookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './address-guard.js';

/** The address is one that webhooks must not be sent to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  constructor(host: string) {
    super(`${host} leads to an address that is not public; WEBHOOK_ALLOW_PRIVATE=true allows it`);
  }
}

/**
 * Finds the addresses of a name as Node does, and gives only those that webhooks may be sent to. What it gives is what
 * is connected to: a name that leads elsewhere a moment later gains nothing.
 */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error) {
      callback(error, []);
      return;
    }
    const allowed = found.filter(({ address }) => isPublicAddress(address));
    const [first] = allowed;
    if (first === undefined) callback(new AddressRefused(host), []);
    else if (options.all) callback(null, allowed satisfies LookupAddress[]);
    else callback(null, first.address, first.family);
  });
};

/**
 * A host that is an address itself is looked up by nobody.
 *
 * @throws AddressRefused
 */
export function requirePublicHost({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new AddressRefused(host);
}
