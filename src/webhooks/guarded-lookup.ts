import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../config/public-address.js';
import type { NameLookup } from './name-lookup.js';

/** The address is one that webhooks must not be sent to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  constructor(host: string) {
    super(`${host} resolves to an address that is not public; WEBHOOK_ALLOW_PRIVATE=true allows it`);
  }
}

/**
 * Looks names up for a connection, and gives only addresses that webhooks may be sent to. What it gives is what is
 * connected to: a name that leads elsewhere a moment later gains nothing.
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
 * A host that is an address itself is looked up by nobody.
 *
 * @throws AddressRefused
 */
export function requirePublicHost({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new AddressRefused(host);
}
