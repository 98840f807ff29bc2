import { WebhookIntake } from '../../../src/webhooks/webhook-intake.js';
import type { DeliveryBook } from '../../../src/webhooks/delivery-book.js';
import { attempted, newDelivery } from '../../../src/webhooks/delivery.js';
import type { WebhookCourier } from '../../../src/webhooks/webhook-courier.js';
import { WebhookRequests } from '../../../src/webhooks/webhook-requests.js';
import { DocumentData, ReferenceDocuments } from '../../contract/reference-documents.js';

const LIFETIME_MS = 86_400_000;
const first = newDelivery({ id: 'd', messageId: 'm', to: 'http://one.example', body: '{}' }, 0, LIFETIME_MS);

describe('a request to deliver again', () => {
  const documents = new ReferenceDocuments(new DocumentData(), () => undefined);
  const courier = { checkSoon: () => undefined } as unknown as WebhookCourier;
  const box = new WebhookRequests(documents, courier);

  function intakeWith(book: Partial<DeliveryBook>): WebhookIntake {
    return new WebhookIntake({
      documents,
      outbox: undefined,
      book: book as DeliveryBook,
      lifetimeMs: LIFETIME_MS,
      mayGoOn: () => true,
    });
  }

  it('outlives an attempt in flight that writes its result first', async () => {
    const failed = attempted(first, { status: 500 }, { now: 10, random: 0 });
    let revision = 1;
    const intake = intakeWith({
      find: () => Promise.resolve({ delivery: revision === 1 ? first : failed, revision }),
      replace: (_, expected) => {
        // The result of the attempt comes between the read and this write.
        if (revision === 1) revision = 2;
        return Promise.resolve(expected === revision);
      },
    });
    await box.redeliver('d');
    expect(await intake.takePending(20)).toMatchObject([{ id: 'd', attempts: 0, nextAt: 20 }]);
  });

  it('outlives the removal of an earlier request that was handled just before', async () => {
    const taken: number[] = [];
    const intake = intakeWith({
      find: () => Promise.resolve({ delivery: first, revision: 1 }),
      replace: async ({ nextAt }) => {
        taken.push(nextAt);
        if (taken.length === 1) await box.redeliver('d');
        return true;
      },
    });
    await box.redeliver('d');
    await intake.takePending(20);
    await intake.takePending(30);
    await intake.takePending(40);
    expect(taken).toEqual([20, 30]);
  });
});
