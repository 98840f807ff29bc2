import { Injectable } from '@nestjs/common';
import { DocumentStore, type StoredDocument } from '../storage/document-store.js';
import type { Task } from '../task/task.js';
import { type Artifact, type ArtifactList, identityOf, isSameTask, type TaskIdentity } from './artifact.js';
import { ownerOf } from './byte-store.js';

/** The kind of the documents. */
const KIND = 'artifacts';

/** A list as it was read. */
export interface ReadList {
  readonly list: ArtifactList;
  /** Of its document; 0 when there is none. */
  readonly revision: number;
}

export interface ListPage {
  readonly lists: readonly ReadList[];
  /** Cursor of the next page. */
  readonly next?: number;
}

/**
 * The records of all artifacts: one document per task, in the store of tasks. Its id is the hash in the keys of the
 * bytes, so that bytes lead to their record.
 */
@Injectable()
export class ArtifactBook {
  constructor(private readonly documents: DocumentStore) {}

  /** The artifacts of a task. */
  async listOf(task: Task): Promise<readonly Artifact[]> {
    const { list } = await this.read(task.spec.id, identityOf(task));
    return isSameTask(list.task, identityOf(task)) ? list.artifacts : [];
  }

  /** The list under this task id; a list of an earlier task with the id as well. */
  async read(id: string, otherwise: TaskIdentity): Promise<ReadList> {
    const document = await this.documents.get(KIND, ownerOf(id));
    return document === undefined
      ? { list: { task: otherwise, artifacts: [] }, revision: 0 }
      : listIn(document);
  }

  /** The list that keys with this owner belong to. */
  async ownedBy(owner: string): Promise<ArtifactList | undefined> {
    const document = await this.documents.get(KIND, owner);
    return document && listIn(document).list;
  }

  /** False when another write came first. */
  async write(list: ArtifactList, expected: number): Promise<boolean> {
    const document = { id: ownerOf(list.task.id), text: JSON.stringify(list), expected };
    return (await this.documents.put(KIND, document)) !== undefined;
  }

  /** False when another write came first. */
  remove({ list, revision }: ReadList): Promise<boolean> {
    return this.documents.remove(KIND, ownerOf(list.task.id), revision);
  }

  async page(limit: number, before: number | undefined): Promise<ListPage> {
    const { documents, next } = await this.documents.list(KIND, { limit, before });
    return { lists: documents.map(listIn), next };
  }
}

function listIn({ text, revision }: StoredDocument): ReadList {
  return { list: JSON.parse(text) as ArtifactList, revision };
}
