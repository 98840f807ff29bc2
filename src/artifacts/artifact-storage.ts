import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { DocumentStore } from '../storage/document-store.js';
import { StoreUnavailable } from '../storage/task-store.js';
import type { ByteStore } from './byte-store.js';
import { DirectoryByteStore } from './directory-byte-store.js';
import { S3ByteStore } from './s3-byte-store.js';

/** The document with the name of this task store. */
const KIND = 'artifactsOwner';
const ID = 'name';

/**
 * Opens the storage of the bytes on first use. The storage keeps the name of the task store whose artifacts it has. A
 * service with another task store does not use it, because all bytes would look like orphans.
 */
@Injectable()
export class ArtifactStorage {
  private readonly logger = new Logger(ArtifactStorage.name);
  private opening?: Promise<ByteStore>;

  constructor(
    private readonly config: Config,
    private readonly documents: DocumentStore,
  ) {}

  get isOff(): boolean {
    return this.config.artifacts === undefined;
  }

  /** @throws StoreUnavailable */
  open(): Promise<ByteStore> {
    this.opening ??= this.reporting(async () => {
      const store = await this.store();
      if ((await store.readOwner()) === undefined) await store.writeOwner(await this.nameOfStore());
      return this.requireOwn(store);
    }).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /**
   * Opens the storage without creating it; `undefined` while it is empty.
   *
   * @throws StoreUnavailable
   */
  async openUsed(): Promise<ByteStore | undefined> {
    if (this.opening !== undefined) return this.opening;
    return this.reporting(async () => {
      const store = await this.store();
      return (await store.readOwner()) === undefined ? undefined : this.open();
    });
  }

  private store(): ByteStore | Promise<ByteStore> {
    const { artifacts: place = '', ARTIFACT_MAX_BYTES, QUEUE_STORE } = this.config;
    if (place.startsWith('s3://')) return S3ByteStore.open(place, ARTIFACT_MAX_BYTES);
    return new DirectoryByteStore(place, QUEUE_STORE !== 'embedded');
  }

  private async requireOwn(store: ByteStore): Promise<ByteStore> {
    if ((await store.readOwner()) === (await this.nameOfStore())) return store;
    const detail =
      'ARTIFACTS is the place of another store of tasks; use another one, or remove its "owner" to delete what it has';
    throw new StoreUnavailable(detail, false);
  }

  private async reporting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.logger.warn(`Artifacts are unavailable: ${error instanceof Error ? error.message : 'unknown'}`);
      throw error instanceof StoreUnavailable
        ? error
        : new StoreUnavailable('No place', false, { cause: error });
    }
  }

  /** The name of the task store. All its replicas and copies have the same name. */
  private async nameOfStore(): Promise<string> {
    for (;;) {
      const document = await this.documents.get(KIND, ID);
      if (document !== undefined) return JSON.parse(document.text) as string;
      await this.documents.put(KIND, { id: ID, text: JSON.stringify(randomUUID()), expected: 0 });
    }
  }
}
