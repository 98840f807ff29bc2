import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../config/public-address.js';
import type { NameLookup } from './name-lookup.js';

/** Webhooks must not be sent to this address. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  constructor(host: string) {
    super(`${host} resolves to an address that is not public; WEBHOOK_ALLOW_PRIVATE=true allows it`);
  }
}

/**
 * Resolves names for a connection and returns only addresses that can receive webhooks. The connection uses exactly
 * these addresses, so a later DNS change has no effect.
 */
export function lookupOf(
  names: NameLookup,
  { mayBePrivate }: { readonly mayBePrivate: boolean },
): LookupFunction {
  return (host, options, callback) => {
    names.find(host, options.family).then(
      (found) => {
        const allowed = found.filter(({ address }) => mayBePrivate || isPublicAddress(address));
        const [first] = allowed;
        if (first === undefined) callback(new AddressRefused(host), []);
        else if (options.all) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, []);
      },
    );
  };
}

/**
 * Checks a host that is an IP address, which involves no name lookup.
 *
 * @throws AddressRefused
 */
export function requirePublicHost({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new AddressRefused(host);
}
