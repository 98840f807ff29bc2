import { BlockList, isIP } from 'node:net';

/** Networks outside the public internet: RFC 6890 and its successors, multicast, and IPv4-embedding ranges. */
const SPECIAL_NETWORKS = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

/** The only IPv6 range for public addresses. */
const PUBLIC_IPV6 = '2000::/3';

/** Exceptions in that range: protocols, tunnels to arbitrary IPv4 addresses, documentation. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const;

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const special = blockList([...SPECIAL_NETWORKS, ...SPECIAL_IPV6]);
const publicIpv6 = blockList([PUBLIC_IPV6]);

/** Whether an IP address belongs to the public internet. False for text that is no IP address. */
export function isPublicAddress(address: string): boolean {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      // An address with a zone is link-local.
      return !address.includes('%') && publicIpv6.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Names of the local machine, independent of the DNS. RFC 6761 reserves `localhost` and its subdomains. */
const OWN_NAMES = /^(?:(?:.+\.)?localhost|localhost\.localdomain|ip6-localhost|ip6-loopback)\.?$/i;

/**
 * Whether the host of a URL is an IP address outside the public internet, or a name of this machine. Other names are
 * checked when they are resolved.
 *
 * @param address a URL that `isWebAddress` accepts
 */
export function isPrivateAddress(address: string): boolean {
  // The URL standard normalizes decimal, octal and short forms of IPv4 addresses.
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? OWN_NAMES.test(host) : !isPublicAddress(host);
}
