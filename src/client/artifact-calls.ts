import type { StoredArtifact, TaskArtifacts } from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { pathTo } from './paths.js';
import type { Call, CallOptions, UploadBody } from './transport.js';

/**
 * The bytes of an artifact. A function is called once per try, so that a call can be repeated; a stream can be sent once
 * only.
 */
export type ArtifactContent =
  | Uint8Array<ArrayBuffer>
  | string
  | Blob
  | ReadableStream<Uint8Array>
  | { readonly size: number; readonly open: () => ReadableStream<Uint8Array> };

export interface ArtifactOptions extends CallOptions {
  /** Default `application/octet-stream`. */
  readonly contentType?: string;
  /** Seconds to keep retrying; overrides the client's setting. */
  readonly patience?: number;
}

/** An artifact of a held task. */
export interface SentArtifact {
  readonly eval_id: string;
  readonly lease_id: string;
  readonly name: string;
}

/** Opens a download. */
type Open = (call: Call) => Promise<Response>;

/** Seconds for an upload of unknown size. */
const LONGEST_UPLOAD_S = 86_400;
/** Seconds that every upload has, and bytes per second beyond. */
const SHORTEST_UPLOAD_S = 30;
const SLOWEST_RATE = 65_536;

/** Calls on artifacts, the files of tasks. */
export class ArtifactCalls {
  constructor(
    private readonly send: Send,
    private readonly open: Open,
  ) {}

  /**
   * Stores an artifact under the lease of its task. Resolves when it is durable.
   *
   * @throws LeaseLost, ApiError
   */
  async put(
    { eval_id: id, lease_id: lease, name }: SentArtifact,
    content: ArtifactContent,
    { contentType: type = 'application/octet-stream', signal, patience }: ArtifactOptions = {},
  ): Promise<StoredArtifact> {
    const headers = { 'X-Lease-Id': lease, ...(await digestOf(content)) };
    const bytes = { type, open: () => bodyOf(content) };
    const isRepeatable = !(content instanceof ReadableStream);
    const call = { method: 'PUT', path: pathTo('tasks', id, 'artifacts', name), headers, bytes } as const;
    const limits = { timeout: secondsFor(content), signal, patience, isRepeatable };
    return this.send({ ...call, ...limits }, objectWith<StoredArtifact>({ sha256: 'string' }));
  }

  /** The artifacts of a task, by name. */
  async list(id: string, { signal }: CallOptions = {}): Promise<readonly StoredArtifact[]> {
    const call = { method: 'GET', path: pathTo('tasks', id, 'artifacts'), signal } as const;
    return (await this.send(call, objectWith<TaskArtifacts>({ artifacts: 'array' }))).artifacts;
  }

  /**
   * Opens a download. A redirect to another server is followed without the key.
   *
   * @throws NotFound, ApiError
   */
  download(id: string, name: string, { signal }: CallOptions = {}): Promise<Response> {
    return this.open({ method: 'GET', path: pathTo('tasks', id, 'artifacts', name), signal });
  }
}

function bodyOf(content: ArtifactContent): UploadBody {
  return isOpenable(content) ? content.open() : content;
}

function isOpenable(content: ArtifactContent): content is Extract<ArtifactContent, { open: unknown }> {
  return typeof content === 'object' && 'open' in content;
}

/** A digest of bytes in memory, so that the service refuses bytes that changed in transit. */
async function digestOf(content: ArtifactContent): Promise<Readonly<Record<string, string>>> {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) return {};
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return { 'Content-Digest': `sha-256=:${btoa(String.fromCharCode(...digest))}:` };
}

function secondsFor(content: ArtifactContent): number {
  if (content instanceof ReadableStream) return LONGEST_UPLOAD_S;
  const size = typeof content === 'string' || content instanceof Uint8Array ? content.length : content.size;
  return Math.min(SHORTEST_UPLOAD_S + size / SLOWEST_RATE, LONGEST_UPLOAD_S);
}
