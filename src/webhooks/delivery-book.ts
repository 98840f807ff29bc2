import { allDocuments, type DocumentStore } from '../storage/document-store.js';
import type { Delivery } from './delivery.js';

export interface KeptDelivery {
  readonly delivery: Delivery;
  readonly revision: number;
}

export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  readonly next?: number;
}

const PAGE = 200;
/** The maximum number of deliveries to read for a filtered page. */
const SCANNED = 2_000;

/** All kept deliveries, as documents. */
export class DeliveryBook {
  constructor(private readonly documents: DocumentStore) {}

  /** Does nothing if the delivery exists. */
  async add(delivery: Delivery): Promise<void> {
    await this.documents.put('delivery', { id: delivery.id, text: JSON.stringify(delivery), expected: 0 });
  }

  async find(id: string): Promise<KeptDelivery | undefined> {
    const document = await this.documents.get('delivery', id);
    return document && { delivery: JSON.parse(document.text) as Delivery, revision: document.revision };
  }

  /** False if another process wrote first. */
  async replace(delivery: Delivery, revision: number): Promise<boolean> {
    const document = { id: delivery.id, text: JSON.stringify(delivery), expected: revision };
    return (await this.documents.put('delivery', document)) !== undefined;
  }

  async remove(id: string): Promise<void> {
    const document = await this.documents.get('delivery', id);
    if (document !== undefined) await this.documents.remove('delivery', id, document.revision);
  }

  /** Oldest first. */
  async all(): Promise<readonly Delivery[]> {
    const documents = await allDocuments(this.documents, 'delivery');
    return documents.toReversed().map(({ text }) => JSON.parse(text) as Delivery);
  }

  /** Newest first. A page can be short although another page follows. */
  async page(
    isWanted: (delivery: Delivery) => boolean,
    { limit, before }: { readonly limit: number; readonly before?: number },
  ): Promise<DeliveryPage> {
    const deliveries: Delivery[] = [];
    let next = before;
    for (let scanned = 0; scanned < SCANNED && deliveries.length < limit; scanned += PAGE) {
      const size = Math.min(PAGE, limit - deliveries.length);
      const page = await this.documents.list('delivery', { limit: size, before: next });
      deliveries.push(...page.documents.map(({ text }) => JSON.parse(text) as Delivery).filter(isWanted));
      next = page.next;
      if (next === undefined) return { deliveries };
    }
    return { deliveries, next };
  }
}
