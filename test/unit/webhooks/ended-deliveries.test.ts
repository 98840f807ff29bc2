import { newDelivery, parked } from '../../../src/webhooks/delivery.js';
import { DeliveryBook } from '../../../src/webhooks/delivery-book.js';
import { EndedDeliveries } from '../../../src/webhooks/ended-deliveries.js';
import { DocumentData, ReferenceDocuments } from '../../contract/reference-documents.js';

const MOST_AT_ONCE = 200;

describe('ended deliveries', () => {
  it('are removed a few hundred at a time, so that pending ones are sent meanwhile', async () => {
    const documents = new ReferenceDocuments(new DocumentData(), () => undefined);
    const book = new DeliveryBook(documents);
    const ended = new EndedDeliveries(book, { count: 10, age: 1_000 });
    for (let number = 0; number < 450; number += 1) {
      const message = { id: `d${number}`, messageId: 'm', to: 'https://receiver.example', body: '{}' };
      const delivery = parked(newDelivery(message, 0, 1_000), number, 'gone');
      await book.add(delivery);
      ended.add(delivery, number);
    }
    const left = async () => (await book.all()).length;
    await ended.forgetOld(500);
    expect(await left()).toBe(450 - MOST_AT_ONCE);
    await ended.forgetOld(500);
    await ended.forgetOld(500);
    expect(await left()).toBe(10);
    await ended.forgetOld(2_000);
    expect(await left()).toBe(0);
  });
});
