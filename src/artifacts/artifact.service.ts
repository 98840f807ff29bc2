import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ProblemError } from '../http/problem.error.js';
import type { TaskGuard } from '../queue/queue-access.js';
import { WorkService } from '../queue/work.service.js';
import { StoreUnavailable } from '../storage/task-store.js';
import { Clock, type Instant } from '../task/clock.js';
import { LeaseLost } from '../task/task.errors.js';
import type { ProcessingTask, Task } from '../task/task.js';
import { type Artifact, type ArtifactList, bytesIn, identityOf, isSameTask } from './artifact.js';
import { ArtifactBook, type ReadList } from './artifact-book.js';
import {
  artifactNotFound,
  artifactsOff,
  spaceUsed,
  tooLargeFor,
  tooMany,
  uploadsUsed,
} from './artifact.errors.js';
import { ArtifactSpace } from './artifact-space.js';
import { type ByteKey, type ByteRange, type ByteStore, type DownloadAs, newKey } from './byte-store.js';
import { ArtifactStorage } from './artifact-storage.js';
import type { Digest } from './content-digest.js';
import { Upload } from './upload.js';

/** Milliseconds between two checks of the lease during an upload. */
const CHECK_EVERY_MS = 30_000;

/** An artifact that a worker sends. */
export interface NewArtifact {
  readonly name: string;
  readonly contentType: string;
  /** Bytes that the headers announce. */
  readonly length: number | undefined;
  readonly digests: readonly Digest[];
  /** The body. The service reads it after it has admitted the upload. */
  readonly body: () => AsyncIterable<Buffer>;
}

/** The attempt that sends the artifact. */
export interface Sender {
  readonly id: string;
  readonly leaseId: string;
  readonly guard: TaskGuard;
}

export interface Stored {
  readonly artifact: Artifact;
  /** Whether the task had no artifact of this name before. */
  readonly isNew: boolean;
}

/** The bytes of an artifact, or the URL that serves them. */
export type Download = { readonly address: string } | { readonly stream: Readable };

/** Stores, lists and serves the artifacts of tasks. */
@Injectable()
export class ArtifactService {
  constructor(
    private readonly work: WorkService,
    private readonly book: ArtifactBook,
    private readonly space: ArtifactSpace,
    private readonly storage: ArtifactStorage,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Stores an artifact under the lease of its sender: first the bytes, then the record. The lease must hold the task
   * before the first byte is read and again when the record is written.
   *
   * @throws LeaseLost, TaskNotFound, StoreUnavailable, and the refusals of limits as ProblemError
   */
  async put(sender: Sender, given: NewArtifact): Promise<Stored> {
    if (this.storage.isOff) throw artifactsOff();
    const task = await this.requireHeld(sender);
    const room = await this.roomFor(task, given);
    const entry = this.space.enter();
    if (entry === undefined) throw uploadsUsed();
    try {
      const bytes = await this.storage.open();
      const key = newKey(sender.id);
      entry.protect(key);
      return await this.store({ sender, given, bytes, key, room });
    } finally {
      entry.leave();
    }
  }

  list(task: Task): Promise<readonly Artifact[]> {
    return this.book.listOf(task);
  }

  /** @throws ProblemError `artifact_not_found` */
  async find(task: Task, name: string): Promise<Artifact> {
    const artifact = (await this.list(task)).find((each) => each.name === name);
    if (artifact === undefined) throw artifactNotFound(task.spec.id);
    return artifact;
  }

  /** `undefined` when the artifact was replaced or removed meanwhile. */
  async download({ key }: Artifact, as: DownloadAs, range?: ByteRange): Promise<Download | undefined> {
    const bytes = await this.storage.open();
    const address = await bytes.addressOf(key, as);
    if (address !== undefined) return { address };
    const stream = await bytes.read(key, range);
    return stream && { stream };
  }

  private requireHeld({ id, leaseId, guard }: Sender): Promise<ProcessingTask> {
    return this.work.requireHeld(id, leaseId, guard);
  }

  /** The size that the limits allow for the artifact. */
  private async roomFor(task: Task, { name, length = 0 }: NewArtifact): Promise<Room> {
    const others = (await this.list(task)).filter((each) => each.name !== name);
    const { ARTIFACT_MAX_BYTES, TASK_ARTIFACTS_MAX_BYTES, TASK_ARTIFACTS_MAX } = this.config;
    if (others.length >= TASK_ARTIFACTS_MAX) throw tooMany(TASK_ARTIFACTS_MAX);
    const left = TASK_ARTIFACTS_MAX_BYTES - bytesIn({ artifacts: others });
    const room =
      left < ARTIFACT_MAX_BYTES
        ? {
            maxBytes: left,
            tooLarge: () => tooLargeFor('TASK_ARTIFACTS_MAX_BYTES', TASK_ARTIFACTS_MAX_BYTES),
          }
        : {
            maxBytes: ARTIFACT_MAX_BYTES,
            tooLarge: () => tooLargeFor('ARTIFACT_MAX_BYTES', ARTIFACT_MAX_BYTES),
          };
    if (length > room.maxBytes) throw room.tooLarge();
    if (!this.space.has(length)) throw spaceUsed();
    return room;
  }

  private async store(storing: Storing): Promise<Stored> {
    const { sender, given, bytes, key, room } = storing;
    const upload = new Upload({ ...given, ...room });
    const since = this.clock.now().steady;
    await bytes.put(key, upload.through(this.whileHeld(sender, { body: given.body(), since })));
    const artifact = {
      name: given.name,
      size: upload.size,
      sha256: upload.hash,
      contentType: given.contentType,
    };
    try {
      const recorded = await this.record(sender, { ...artifact, key });
      await discard(bytes, recorded.unused);
      return recorded;
    } catch (error) {
      // After an outage the record may exist. If not, the bytes are an orphan, which the sweep removes.
      if (!(error instanceof StoreUnavailable)) await discard(bytes, [key]);
      throw error;
    }
  }

  /** The chunks of the body. A long upload ends soon after its lease. */
  private async *whileHeld(
    sender: Sender,
    { body, since }: { readonly body: AsyncIterable<Buffer>; readonly since: Instant },
  ): AsyncGenerator<Buffer, void, undefined> {
    let checkedAt = since;
    for await (const chunk of body) {
      const now = this.clock.now().steady;
      if (now - checkedAt >= CHECK_EVERY_MS) {
        await this.requireHeld(sender);
        checkedAt = now;
      }
      yield chunk;
    }
  }

  private async record(sender: Sender, given: Omit<Artifact, 'attempt' | 'createdAt'>): Promise<Recorded> {
    for (;;) {
      const task = await this.requireHeld(sender);
      const read = await this.book.read(sender.id, identityOf(task));
      const artifact = { ...given, attempt: task.attempt, createdAt: this.clock.now().wall };
      const next = this.withArtifact(task, read, artifact);
      if (next.list === undefined || (await this.book.write(next.list, read.revision))) {
        this.space.add(next.grown);
        return next;
      }
    }
  }

  /** The change that records the artifact. */
  private withArtifact(task: Task, { list }: ReadList, artifact: Artifact): Recording {
    const identity = identityOf(task);
    const isOwn = isSameTask(list.task, identity);
    const present = isOwn ? list.artifacts : [];
    const before = present.find(({ name }) => name === artifact.name);
    if (before !== undefined && before.attempt > artifact.attempt) {
      throw new LeaseLost(task.spec.id, 'reassigned');
    }
    const isSame = before?.sha256 === artifact.sha256 && before.size === artifact.size;
    const isReplay =
      isSame && before.attempt === artifact.attempt && before.contentType === artifact.contentType;
    if (isReplay) return { artifact: before, isNew: false, unused: [artifact.key], grown: 0 };

    const kept = isSame ? { ...artifact, key: before.key } : artifact;
    const others = present.filter((each) => each !== before);
    this.requireRoom(others, kept);
    const artifacts = [...others, kept].sort((one, other) => (one.name < other.name ? -1 : 1));
    const gone = isOwn ? [before].flatMap((each) => each ?? []) : list.artifacts;
    const unused = [artifact, ...gone].map(({ key }) => key).filter((key) => key !== kept.key);
    const grown = bytesIn({ artifacts }) - bytesIn(list);
    return {
      artifact: kept,
      isNew: before === undefined,
      unused,
      list: { task: identity, artifacts },
      grown,
    };
  }

  /** Checks the limits again: simultaneous uploads of a task can each have passed the first check. */
  private requireRoom(others: readonly Artifact[], artifact: Artifact): void {
    const { TASK_ARTIFACTS_MAX_BYTES: most, TASK_ARTIFACTS_MAX: mostFiles } = this.config;
    if (others.length >= mostFiles) throw tooMany(mostFiles);
    if (bytesIn({ artifacts: [...others, artifact] }) > most)
      throw tooLargeFor('TASK_ARTIFACTS_MAX_BYTES', most);
  }
}

/** Removes the bytes. After an error they are an orphan, which the sweep removes. */
async function discard(bytes: ByteStore, keys: readonly ByteKey[]): Promise<void> {
  await Promise.allSettled(keys.map((key) => bytes.remove(key)));
}

interface Room {
  readonly maxBytes: number;
  readonly tooLarge: () => ProblemError;
}

interface Storing {
  readonly sender: Sender;
  readonly given: NewArtifact;
  readonly bytes: ByteStore;
  readonly key: ByteKey;
  readonly room: Room;
}

interface Recorded extends Stored {
  /** The bytes of the replaced artifact, which no record names any more. */
  readonly unused: readonly ByteKey[];
}

interface Recording extends Recorded {
  /** The list to write; `undefined` when it has the artifact already. */
  readonly list?: ArtifactList;
  /** The growth of all artifacts in bytes. */
  readonly grown: number;
}
