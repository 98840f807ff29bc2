import {
  type DocumentKind,
  type DocumentPage,
  type DocumentQuery,
  DocumentStore,
  type NewDocument,
  type StoredDocument,
} from '../../document-store.js';
import type { Keys } from '../records/keys.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreConnection } from '../connection/store-connection.js';

type Row = readonly [age: string, id: string, revision: string, text: string];

const PUT = new LuaScript('document-put');
const REMOVE = new LuaScript('document-remove', { runsWhenFull: true });
const GET = new LuaScript('document-get', { isReadOnly: true });
const LIST = new LuaScript('document-list', { isReadOnly: true });

/**
 * Documents in Redis: for each kind the texts, the revisions and the ages by id, and a number that counts up with every
 * write. The number is the revision, and the first one of a document is its age.
 */
export class RedisDocuments extends DocumentStore {
  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {
    super();
  }

  async get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined> {
    const reply = await this.connection.readScript(GET, this.callFor(kind, id));
    const [revision, text] = reply as [string | null, string | null];
    return revision === null || text === null ? undefined : { id, text, revision: Number(revision) };
  }

  put(kind: DocumentKind, { id, text, expected }: NewDocument): Promise<number | undefined> {
    return this.connection.writeScript(PUT, this.callFor(kind, id, expected, text), (reply) =>
      reply === null ? undefined : Number(reply),
    );
  }

  remove(kind: DocumentKind, id: string, revision: number): Promise<boolean> {
    return this.connection.writeScript(REMOVE, this.callFor(kind, id, revision), (reply) => reply === 1);
  }

  async list(kind: DocumentKind, { limit, before }: DocumentQuery): Promise<DocumentPage> {
    const call = this.callFor(kind, before ?? '+inf', limit);
    const rows = (await this.connection.readScript(LIST, call)) as readonly Row[];
    const documents = rows.map(([, id, revision, text]) => ({ id, text, revision: Number(revision) }));
    const last = rows.at(-1);
    return rows.length < limit || last === undefined ? { documents } : { documents, next: Number(last[0]) };
  }

  async version(kind: DocumentKind): Promise<number> {
    const key = `${this.keys.documents(kind)}:version`;
    return Number((await this.connection.read((client) => client.get(key))) ?? 0);
  }

  private callFor(kind: DocumentKind, ...args: readonly (string | number)[]) {
    return { keys: [this.keys.documents(kind)], args };
  }
}
