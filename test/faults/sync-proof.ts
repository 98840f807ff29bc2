/**
 * Proves, from the system calls of the service, that what it acknowledges was synced before; and makes from them the
 * images of disks that lost what was not. `node scripts/run-ts.mjs test/faults/sync-proof.ts` runs it alone.
 */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TaskState } from '../../src/task/task-state.js';
import { SeededRandom } from '../support/store-random.js';
import { brokenPromises, promise, type Promises } from './image.check.js';
import { Load, loadClient, LOAD_ENV } from './load.js';
import type { CutOptions } from './power-cut.js';
import { Service } from './service.js';
import { hasStrace, type SystemCall, Trace } from './system-call.trace.js';

export interface ProofReport {
  /** Why nothing was proved. */
  readonly skipped?: string;
  /** Answers that acknowledge a new task. */
  readonly acknowledgements: number;
  readonly commits: number;
  readonly images: number;
  /** Images with a commit under way, of which any part of what was not synced is on the disk. */
  readonly imagesInCommit: number;
  readonly checks: number;
  /** Images of a service that would not sync before it makes a commit valid; the check must find them out. */
  readonly controls: number;
  readonly controlsFound: number;
  readonly problems: readonly string[];
}

const CONTROLS = 3;
const TRACED_MS = 6_000;
const PAUSE_MS = 20;
const SECTOR = 512;
const O_DSYNC = 0o10_000;

/** A write to the data file, and when it was certainly on the disk. */
export interface DiskWrite {
  readonly data: Buffer;
  readonly offset: number;
  readonly began: number;
  readonly ended: number;
  readonly synced: number;
  readonly isMeta: boolean;
}

/** What the service told a client, and when it began to. */
interface Told {
  readonly at: number;
  readonly text: string;
}

const NOTHING: ProofReport = {
  acknowledgements: 0,
  commits: 0,
  images: 0,
  imagesInCommit: 0,
  checks: 0,
  controls: 0,
  controlsFound: 0,
  problems: [],
};

export async function runSyncProof(options: CutOptions): Promise<ProofReport> {
  if (!hasStrace()) return { ...NOTHING, skipped: 'strace is not installed' };
  const directory = await mkdtemp(join(tmpdir(), 'crucible-sync-'));
  try {
    const traced = await traceLoad(directory, options);
    const broken = ordered(traced);
    const images = await takeImages(directory, traced, options);
    const controlsFound = await runControls(directory, traced, options);
    const blind = controlsFound === 0 ? ['the check would not notice a service that does not sync'] : [];
    const problems = [...broken, ...images.problems, ...blind];
    return { ...images, ...countsOf(traced), controls: CONTROLS, controlsFound, problems };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Traced {
  /** The file before the first write, all of it synced. */
  readonly base: Buffer;
  readonly writes: readonly DiskWrite[];
  readonly told: readonly Told[];
  readonly end: number;
}

async function traceLoad(directory: string, { seed, main }: CutOptions): Promise<Traced> {
  const live = join(directory, 'live');
  const service = await Service.start({ directory: live, env: LOAD_ENV, main });
  const client = loadClient([service.port]);
  try {
    const base = readFileSync(join(live, 'queue.mdb'));
    const files = dataFiles(service.pid);
    const trace = await Trace.attach(service.pid, join(directory, 'trace'));
    const load = new Load({ client, seed, pauseMs: PAUSE_MS });
    load.start();
    await delay(TRACED_MS);
    await load.stop();
    const calls = await trace.stop();
    const writes = diskWrites(calls, files);
    const end = Math.max(...calls.map(({ began }) => began));
    return { base, writes, told: toldBy(calls), end };
  } finally {
    client.close();
    await service.kill();
  }
}

/** The descriptors of the data file, and whether a write to them returns only when it is on the disk. */
function dataFiles(pid: number): Map<number, { readonly isSynced: boolean }> {
  const files = new Map<number, { readonly isSynced: boolean }>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    if (!readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith('/queue.mdb')) continue;
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    files.set(Number(fd), { isSynced: (Number.parseInt(flags, 8) & O_DSYNC) !== 0 });
  }
  return files;
}

/** Every write to the data file. A sync makes durable what had returned when it began. */
function diskWrites(calls: readonly SystemCall[], files: ReturnType<typeof dataFiles>): DiskWrite[] {
  const positions = new Map<number, number>();
  const syncs = calls.filter(({ name, fd }) => name.endsWith('sync') && files.has(fd));
  return calls.flatMap((call): DiskWrite[] => {
    const { name, fd, data, began, ended } = call;
    const file = files.get(fd);
    if (file === undefined) return [];
    if (name === 'lseek') positions.set(fd, call.offset ?? 0);
    if (!name.includes('write')) return [];
    const offset = call.offset ?? positions.get(fd) ?? 0;
    if (call.offset === undefined) positions.set(fd, offset + data.length);
    const synced = file.isSynced ? ended : (syncs.find((sync) => sync.began > ended)?.ended ?? Infinity);
    return [{ data, offset, began, ended, synced, isMeta: file.isSynced }];
  });
}

function toldBy(calls: readonly SystemCall[]): Told[] {
  return calls
    .map(({ data, began }) => ({ at: began, text: data.toString() }))
    .filter(({ text }) => text.startsWith('HTTP/1.1 20'));
}

// ---------------------------------------------------------------------------------------------- the order of calls

/** For each new task: its name was written, then synced, then a commit was synced, and only then it was acknowledged. */
function ordered({ writes, told }: Traced): string[] {
  return acknowledgedIn(told).flatMap(({ id, at }) => {
    const name = Buffer.from(id);
    const write = writes.find(({ data, isMeta }) => !isMeta && holds(data, name));
    const commit = writes.find(({ isMeta, began }) => isMeta && write !== undefined && began > write.synced);
    if (write === undefined) return [`${id} was acknowledged and never written`];
    if (commit === undefined || commit.synced >= at)
      return [`${id} was acknowledged before its commit was synced`];
    return [];
  });
}

function acknowledgedIn(told: readonly Told[]): { readonly id: string; readonly at: number }[] {
  return told.flatMap(({ at, text }) => {
    const id = text.startsWith('HTTP/1.1 201') ? /"eval_id":"([^"]+)"/.exec(text)?.[1] : undefined;
    return id === undefined ? [] : [{ id, at }];
  });
}

/** Whether the bytes hold this name, and not one that begins with it. */
function holds(data: Buffer, name: Buffer): boolean {
  for (let at = data.indexOf(name); at >= 0; at = data.indexOf(name, at + 1)) {
    const next = data[at + name.length] ?? 0;
    if (next < 0x30 || next > 0x39) return true;
  }
  return false;
}

function countsOf({ writes, told }: Traced): Pick<ProofReport, 'acknowledgements' | 'commits'> {
  return {
    acknowledgements: acknowledgedIn(told).length,
    commits: writes.filter(({ isMeta }) => isMeta).length,
  };
}

// ---------------------------------------------------------------------------------------------- images

type Images = Pick<ProofReport, 'images' | 'imagesInCommit' | 'checks' | 'problems'>;

async function takeImages(directory: string, traced: Traced, options: CutOptions): Promise<Images> {
  const random = new SeededRandom(options.seed);
  const problems: string[] = [];
  let [imagesInCommit, checks] = [0, 0];
  for (let cut = 1; cut <= options.cuts; cut += 1) {
    const at = momentOf(traced, random);
    const image = join(directory, `image-${cut}`);
    mkdirSync(image);
    const { bytes, volatile } = imageAt(traced, at, random);
    writeFileSync(join(image, 'queue.mdb'), bytes);
    const promises = promisedAt(traced.told, at);
    const broken = await brokenPromises(image, promises, options);
    if (broken.length > 0) keepForInspection(image);
    rmSync(image, { recursive: true });
    problems.push(...broken.map((text) => `image ${cut}: ${text}`));
    if (volatile > 0) imagesInCommit += 1;
    checks += promises.size;
    options.onCut?.(
      `image ${cut}: ${volatile} writes not synced, ${promises.size} tasks to find, ${broken.length} broken promises`,
    );
  }
  return { images: options.cuts, imagesInCommit, checks, problems };
}

/** What the images would be if the pages of a commit were not synced before the page that makes them valid. */
async function runControls(directory: string, traced: Traced, options: CutOptions): Promise<number> {
  const random = new SeededRandom(options.seed + 1);
  const commits = traced.writes.filter(({ isMeta }) => isMeta);
  let found = 0;
  for (let control = 1; control <= CONTROLS; control += 1) {
    const commit = commits[Math.floor(commits.length / 2) + random.below(Math.floor(commits.length / 2))];
    const at = commit?.ended ?? traced.end;
    const started = commits.findLast(({ ended }) => ended < (commit?.began ?? 0))?.ended ?? 0;
    const isUnsynced = ({ isMeta, began }: DiskWrite) => !isMeta && began > started && began < at;
    const writes = traced.writes.map((write) => (isUnsynced(write) ? { ...write, synced: Infinity } : write));
    const image = join(directory, `control-${control}`);
    mkdirSync(image);
    writeFileSync(join(image, 'queue.mdb'), imageAt({ base: traced.base, writes }, at, random).bytes);
    const broken = await brokenPromises(image, promisedAt(traced.told, at), options);
    if (broken.length > 0) found += 1;
    options.onCut?.(`control ${control}: ${broken.length > 0 ? 'found' : 'not found'}`);
  }
  return found;
}

/** Nine of ten moments are within a commit: after a write of it, before the sync that makes it durable returned. */
function momentOf({ writes, end }: Traced, random: SeededRandom): number {
  const write = random.below(10) === 0 ? undefined : random.pick(writes.filter(({ isMeta }) => !isMeta));
  if (write === undefined) return 1 + random.below(end);
  return write.began + random.below(Math.min(write.synced, end) - write.began);
}

/** The disk after a power cut: what was synced, and of what was not, any sectors. */
export function imageAt(
  { base, writes }: Pick<Traced, 'base' | 'writes'>,
  at: number,
  random: SeededRandom,
): { bytes: Buffer; volatile: number } {
  const begun = writes.filter(({ began }) => began <= at);
  const synced = begun.filter((write) => write.synced <= at);
  const volatile = begun.filter((write) => write.synced > at);
  const bytes = Buffer.alloc(Math.max(base.length, ...begun.map(({ offset, data }) => offset + data.length)));
  base.copy(bytes);
  let length = base.length;
  for (const { data, offset } of synced) {
    data.copy(bytes, offset);
    length = Math.max(length, offset + data.length);
  }
  for (const write of volatile) {
    for (const [from, to] of sectorsOf(write)) {
      if (random.below(2) === 0) continue;
      write.data.copy(bytes, from, from - write.offset, to - write.offset);
      length = Math.max(length, to);
    }
  }
  return { bytes: bytes.subarray(0, length), volatile: volatile.length };
}

/** The parts of a write that reach the disk whole or not at all. */
function sectorsOf({ offset, data }: DiskWrite): (readonly [number, number])[] {
  const sectors: (readonly [number, number])[] = [];
  const end = offset + data.length;
  for (let from = offset; from < end;) {
    const to = Math.min(end, (Math.floor(from / SECTOR) + 1) * SECTOR);
    sectors.push([from, to]);
    from = to;
  }
  return sectors;
}

/** Every answer shows what is durable, whatever it answers: `"eval_id":"…","status":"…"` is in all of them. */
function promisedAt(told: readonly Told[], at: number): Promises {
  const promises: Promises = new Map();
  for (const { text } of told.filter((each) => each.at <= at)) {
    for (const [, id = '', state = ''] of text.matchAll(/"eval_id":"([^"]+)","status":"([a-z]+)"/g)) {
      const isFinal = ['completed', 'failed', 'cancelled', 'expired'].includes(state);
      promise(promises, id, isFinal ? { ended: state as TaskState } : {});
    }
  }
  return promises;
}

function keepForInspection(image: string): void {
  const copy = join(tmpdir(), `crucible-broken-image-${process.pid}.mdb`);
  copyFileSync(join(image, 'queue.mdb'), copy);
  process.stderr.write(`kept ${copy}\n`);
}

// ---------------------------------------------------------------------------------------------- report

export function describeProof(report: ProofReport): string[] {
  if (report.skipped !== undefined) return [`sync proof: skipped, ${report.skipped}`];
  const { acknowledgements, commits, images, imagesInCommit, checks, problems } = report;
  return [
    ...problems.slice(0, 20).map((problem) => `BROKEN ${problem}`),
    `sync proof: ${acknowledgements} acknowledged tasks in ${commits} commits, each synced before its answer; ` +
      `${images} images of a disk that lost what was not synced, ${imagesInCommit} in the middle of a commit, ` +
      `${checks} checks, ${problems.length} broken promises; ` +
      `${report.controlsFound} of ${report.controls} images of a service that does not sync were found out`,
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const onCut = (line: string) => process.stderr.write(`${line}\n`);
  const report = await runSyncProof({ cuts: 20, seed: 1, onCut });
  for (const line of describeProof(report)) console.log(line);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}
