import { createHash, hash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Service, type ServiceOptions } from './service.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const UPLOADERS = 6;
const NAMES = 3;
const LARGEST_BYTES = 3 * 1024 * 1024;
/** Long enough for all uploads of a task, whatever the machine does. */
const LEASE_SECONDS = 3_600;
/** Milliseconds that the sweep has to remove what crashes left. */
const SWEEP_MS = 90_000;

interface Listed {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

interface Upload {
  readonly sha256: string;
  isAcknowledged: boolean;
}

export interface CampaignOptions extends Pick<ServiceOptions, 'directory' | 'env' | 'port'> {
  readonly kills: number;
  /** Where the files are; without it, files are not counted. */
  readonly files?: string;
  readonly random?: () => number;
}

export interface CampaignReport {
  readonly problems: readonly string[];
  readonly acknowledged: number;
  readonly interrupted: number;
}

/**
 * Kills a service that takes in artifacts, again and again. Every listed artifact has the bytes of its record, which are
 * those of an upload under this name. An acknowledged upload is listed, unless a later one replaced it. After the sweep
 * there are no further files.
 */
export async function runArtifactKills(options: CampaignOptions): Promise<CampaignReport> {
  const campaign = new Campaign(options);
  await campaign.run();
  return campaign;
}

class Campaign implements CampaignReport {
  readonly problems: string[] = [];
  acknowledged = 0;
  interrupted = 0;
  private service: Service | undefined;
  /** By task and name, oldest first. */
  private readonly uploads = new Map<string, Upload[]>();
  private readonly random: () => number;

  constructor(private readonly options: CampaignOptions) {
    this.random = options.random ?? Math.random;
  }

  async run(): Promise<void> {
    this.service = await Service.start(this.options);
    try {
      for (let round = 0; round < this.options.kills; round += 1) await this.round(round);
      if (this.options.files !== undefined) await this.judgeFiles(this.options.files);
      await this.clear();
    } finally {
      await this.service.kill();
    }
  }

  private async round(round: number): Promise<void> {
    const tasks = await Promise.all(
      Array.from({ length: UPLOADERS }, (_, index) => this.claimed(`task-${round}-${index}`)),
    );
    const isOver = new AbortController();
    const uploaders = tasks.map((task) => this.uploadUntil(isOver.signal, task));
    await delay(20 + this.random() * 400);
    await this.service?.kill();
    isOver.abort();
    await Promise.all(uploaders);
    this.service = await Service.start({ ...this.options, port: this.service?.port });
    await this.judgeAll();
  }

  private async uploadUntil(
    signal: AbortSignal,
    { id, lease }: { id: string; lease: string },
  ): Promise<void> {
    for (let number = 0; !signal.aborted; number += 1) {
      const name = `file-${number % NAMES}`;
      const bytes = randomBytes(Math.floor(this.random() ** 3 * LARGEST_BYTES));
      const sha256 = hash('sha256', bytes);
      const upload: Upload = { sha256, isAcknowledged: false };
      const key = `${id} ${name}`;
      this.uploads.set(key, [...(this.uploads.get(key) ?? []), upload]);
      try {
        const response = await fetch(`${this.service?.url}/tasks/${id}/artifacts/${name}`, {
          method: 'PUT',
          headers: { 'X-Lease-Id': lease },
          body: Readable.toWeb(Readable.from(pieces(bytes))),
          duplex: 'half',
        });
        const answer = (await response.json()) as Listed;
        if (!response.ok) this.problems.push(`${key} was answered ${response.status}`);
        else if (answer.sha256 !== sha256) this.problems.push(`${key} was stored as other bytes`);
        upload.isAcknowledged = response.ok;
        this.acknowledged += 1;
      } catch {
        this.interrupted += 1;
      }
    }
  }

  private async judgeAll(): Promise<void> {
    const ids = new Set([...this.uploads.keys()].map((key) => key.split(' ')[0] ?? ''));
    for (const id of ids) await this.judge(id);
  }

  private async judge(id: string): Promise<void> {
    const listed = new Map((await this.list(id)).map((artifact) => [artifact.name, artifact]));
    for (let number = 0; number < NAMES; number += 1) {
      const name = `file-${number}`;
      const uploads = this.uploads.get(`${id} ${name}`) ?? [];
      const last = uploads.findLastIndex(({ isAcknowledged }) => isAcknowledged);
      const artifact = listed.get(name);
      // An upload without an answer may have been recorded.
      const possible = uploads.slice(Math.max(last, 0)).map(({ sha256 }) => sha256);
      if (artifact === undefined) {
        if (last !== -1) this.problems.push(`${id} ${name} was acknowledged and is not listed`);
        continue;
      }
      if (!possible.includes(artifact.sha256)) this.problems.push(`${id} ${name} has the bytes of no upload`);
      const bytes = await this.download(id, name);
      if (hash('sha256', bytes) !== artifact.sha256 || bytes.length !== artifact.size) {
        this.problems.push(`${id} ${name} is listed with other bytes than it has`);
      }
    }
  }

  /** Waits for the sweep, and counts files that no record names. */
  private async judgeFiles(files: string): Promise<void> {
    const ids = [...new Set([...this.uploads.keys()].map((key) => key.split(' ')[0] ?? ''))];
    const lists = await Promise.all(ids.map((id) => this.list(id)));
    const wanted = lists.reduce((sum, { length }) => sum + length, 0);
    await this.untilFiles(files, wanted);
  }

  private async untilFiles(files: string, wanted: number): Promise<void> {
    const end = performance.now() + SWEEP_MS;
    let found = await countFiles(files);
    while (found !== wanted && performance.now() < end) {
      await delay(100);
      found = await countFiles(files);
    }
    if (found !== wanted) this.problems.push(`${found} files are left for ${wanted} artifacts`);
  }

  private async clear(): Promise<void> {
    await this.send('DELETE', '/tasks');
    // A restart sweeps at once.
    await this.service?.kill();
    this.service = await Service.start({ ...this.options, port: this.service?.port });
    if (this.options.files !== undefined) await this.untilFiles(this.options.files, 0);
  }

  private async claimed(id: string): Promise<{ id: string; lease: string }> {
    await this.send('POST', '/tasks', { eval_id: id, code: 'x', queue: id });
    const body = { worker_id: 'w', queues: [id], lease: LEASE_SECONDS };
    const answer = await (await this.send('POST', '/tasks/claim', body)).json();
    return { id, lease: (answer as { tasks: { lease_id: string }[] }).tasks[0]?.lease_id ?? '' };
  }

  private async list(id: string): Promise<readonly Listed[]> {
    const answer = await (await this.send('GET', `/tasks/${id}/artifacts`)).json();
    return (answer as { artifacts: Listed[] }).artifacts;
  }

  private async download(id: string, name: string): Promise<Buffer> {
    const response = await this.send('GET', `/tasks/${id}/artifacts/${name}`);
    return Buffer.from(await response.arrayBuffer());
  }

  private send(method: string, path: string, body?: object): Promise<Response> {
    const content = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
    return fetch(`${this.service?.url}${path}`, { method, ...content });
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function countFiles(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'owner').length;
}

/** What one artifact of this size costs the service. */
export interface MemoryReport {
  readonly bytes: number;
  readonly beforeMiB: number;
  readonly uploadMiB: number;
  readonly downloadMiB: number;
  readonly uploadSeconds: number;
  readonly downloadSeconds: number;
  readonly isEqual: boolean;
}

/** Uploads and downloads one large artifact, and watches the memory of the service. */
export async function measureMemory(
  { directory, env }: Pick<CampaignOptions, 'directory' | 'env'>,
  bytes: number,
): Promise<MemoryReport> {
  const limits = { ARTIFACT_MAX_BYTES: String(bytes), TASK_ARTIFACTS_MAX_BYTES: String(bytes) };
  const service = await Service.start({ directory, env: { ...env, ...limits } });
  try {
    const post = async (path: string, body: object): Promise<unknown> =>
      (
        await fetch(service.url + path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
      ).json();
    await post('/tasks', { eval_id: 'large', code: 'x', timeout: LEASE_SECONDS });
    const answer = (await post('/tasks/claim', { worker_id: 'w' })) as { tasks: { lease_id: string }[] };
    const url = `${service.url}/tasks/large/artifacts/model`;
    const before = await residentMiB(service.pid);
    const sent = createHash('sha256');
    const upload = await watching(service.pid, async () => {
      const response = await fetch(url, {
        method: 'PUT',
        headers: { 'X-Lease-Id': answer.tasks[0]?.lease_id ?? '' },
        body: Readable.toWeb(Readable.from(blocks(bytes, sent))),
        duplex: 'half',
      });
      if (response.status !== 201) throw new Error(`The upload was answered ${response.status}`);
    });
    const received = createHash('sha256');
    const download = await watching(service.pid, async () => {
      const { body } = await fetch(url);
      for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) received.update(chunk);
    });
    return {
      bytes,
      beforeMiB: before,
      uploadMiB: upload.mostMiB,
      downloadMiB: download.mostMiB,
      uploadSeconds: upload.seconds,
      downloadSeconds: download.seconds,
      isEqual: sent.digest('hex') === received.digest('hex'),
    };
  } finally {
    await service.kill();
  }
}

/** Random blocks in a changing order: cheap to make, and no two parts of the file are equal for long. */
function* blocks(bytes: number, digest: { update(data: Buffer): unknown }): Generator<Buffer> {
  const block = randomBytes(1024 * 1024);
  for (let left = bytes; left > 0; left -= block.length) {
    const next = Buffer.from(block.subarray(0, Math.min(left, block.length)));
    next.writeDoubleLE(left, 0);
    digest.update(next);
    yield next;
  }
}

async function watching(
  pid: number,
  work: () => Promise<void>,
): Promise<{ mostMiB: number; seconds: number }> {
  let mostMiB = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      mostMiB = Math.max(mostMiB, await residentMiB(pid));
      await delay(50);
    }
  })();
  const began = performance.now();
  await work().finally(() => {
    isOver = true;
  });
  await watch;
  return { mostMiB, seconds: (performance.now() - began) / 1000 };
}

async function residentMiB(pid: number): Promise<number> {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
