import { Webhook } from 'standardwebhooks';
import { WebhookSigner } from '../../../src/webhooks/webhook-signer.js';

const OLD = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;
const MESSAGE = { id: 'evt_1', body: '{"type":"completed"}' };

/** The library compares with the clock of the machine. */
const now = new Date().getTime();

describe('WebhookSigner', () => {
  it.each([OLD, NEW])('signs with each secret, so that a receiver with %s verifies it', (secret) => {
    const headers = new WebhookSigner([OLD, NEW]).headers(MESSAGE, now);
    expect(new Webhook(secret).verify(MESSAGE.body, headers)).toEqual({ type: 'completed' });
  });

  it('signs what it sends and nothing else', () => {
    const headers = new WebhookSigner([OLD]).headers(MESSAGE, now);
    expect(() => new Webhook(OLD).verify('{"type":"failed"}', headers)).toThrow();
    expect(() => new Webhook(OLD).verify(MESSAGE.body, { ...headers, 'webhook-id': 'evt_2' })).toThrow();
    expect(() => new Webhook(NEW).verify(MESSAGE.body, headers)).toThrow();
  });

  it('signs nothing without a secret', () => {
    expect(new WebhookSigner([]).headers(MESSAGE, now)).not.toHaveProperty('webhook-signature');
  });
});
