import { BlockList, isIP } from 'node:net';

/** Networks that are no part of the public internet: RFC 6890 and its successors, multicast, what embeds others. */
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

/** Of IPv6, only what is handed out to the public is public. */
const PUBLIC_IPV6 = '2000::/3';

/** And in there not these: protocols, tunnels that end at any IPv4 address, documentation. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const;

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const special = blockList([...SPECIAL_NETWORKS, ...SPECIAL_IPV6]);
const publicIpv6 = blockList([PUBLIC_IPV6]);

/** Whether an IP address belongs to the public internet. What is no IP address does not. */
export function isPublicAddress(address: string): boolean {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      // A zone belongs to a link, and so does the address.
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

/** Names that a machine gives itself, whatever the DNS says. RFC 6761 has `localhost` and all below it. */
const OWN_NAMES = /^(?:(?:.+\.)?localhost|localhost\.localdomain|ip6-localhost|ip6-loopback)\.?$/i;

/**
 * Whether an address of the web names, in itself, a host outside the public internet: an IP address in whatever form, or
 * a name of this machine. What other names lead to is seen when they are looked up.
 *
 * @param address one that `isWebAddress` takes
 */
export function isPrivateAddress(address: string): boolean {
  // The URL standard writes decimal, octal and short forms of IPv4 addresses as four numbers.
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? OWN_NAMES.test(host) : !isPublicAddress(host);
}
