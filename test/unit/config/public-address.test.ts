import { createServer } from 'node:http';
import { once } from 'node:events';
import { isPublicAddress } from '../../../src/config/public-address.js';
import { lookupOf } from '../../../src/webhooks/guarded-lookup.js';
import { NameLookup } from '../../../src/webhooks/name-lookup.js';
import { WebhookSender } from '../../../src/webhooks/webhook-sender.js';

describe('isPublicAddress', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '192.0.1.1',
  ])('lets %s pass', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2001:200::1', '::ffff:8.8.8.8'])(
    'lets %s pass',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255'],
    ...['127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8'],
    ...['192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1'],
    ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ])('stops %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(isPublicAddress(`::ffff:${address}`)).toBe(false);
  });

  it.each([
    ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'ff02::1', 'fec0::1'],
    ...['64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::1', '3fff::1'],
    ...['::ffff:7f00:1', '0:0:0:0:0:ffff:127.0.0.1', '::127.0.0.1', '2606:4700::1%eth0'],
    ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.1.1.1:80', '[::1]'],
  ])('stops %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('a lookup for webhooks', () => {
  it('gives no address of a name that leads to this machine', async () => {
    const error = await new Promise((resolve) => {
      lookupOf(new NameLookup(), { mayBePrivate: false })('localhost', { all: true }, resolve);
    });
    expect(error).toMatchObject({ name: 'AddressRefused' });
  });
});

describe('WebhookSender', () => {
  it.each([
    ...['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    ...['0x7f.1', '2130706433', '0177.0.0.1', '127.1', '0.0.0.0', '0'],
  ])('opens no connection to %s', async (host) => {
    let connections = 0;
    const server = createServer().listen(0);
    server.on('connection', () => (connections += 1));
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const sender = new WebhookSender({ timeoutMs: 5_000, mayBePrivate: false });
    const posting = { url: `http://${host}:${port}/`, headers: {}, body: '{}' };
    const reply = await sender.post(posting, new AbortController().signal);
    expect(reply).toEqual({ error: expect.stringContaining('is not public') });
    expect(connections).toBe(0);
    server.close();
    await once(server, 'close');
  });
});
