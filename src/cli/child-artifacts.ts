import { constants } from 'node:fs';
import { chown, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ApiError, AttemptFailed, GiveBack, type HeldTask, type TaskContext } from '../client/index.js';
import type { User } from './child-user.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Seconds before a task is retried elsewhere. */
const FULL_MACHINE_DELAY = 5;

/** The variable that names the directory. */
export const ARTIFACTS_VARIABLE = 'CRUCIBLE_ARTIFACTS';

/** A directory for the artifacts of one attempt. The command writes files there, which become artifacts of its task. */
export class ArtifactDirectory {
  private constructor(
    readonly path: string,
    private readonly user: User | undefined,
  ) {}

  /**
   * @param user the owner, instead of the worker's own user
   * @throws GiveBack when this machine cannot make one now
   */
  static async make(user: User | undefined): Promise<ArtifactDirectory> {
    try {
      const path = await mkdtemp(join(tmpdir(), 'crucible-artifacts-'));
      if (user !== undefined) await chown(path, user.uid, user.gid);
      return new ArtifactDirectory(path, user);
    } catch (error) {
      const why = (error as Error).message;
      throw new GiveBack(`The worker cannot make a directory for artifacts: ${why}`, FULL_MACHINE_DELAY);
    }
  }

  /**
   * Stores the files of the directory. Other entries, such as folders and links, are skipped.
   *
   * @returns the names of skipped entries, and of all files if the service keeps no artifacts
   * @throws AttemptFailed when the service refuses a file, and the errors of the client
   */
  async store(task: HeldTask, { putArtifact }: TaskContext): Promise<readonly string[]> {
    const skipped: string[] = [];
    for (const name of (await readdir(this.path)).sort()) {
      const isStored = await this.storeFile(name, putArtifact).catch((error: unknown) => {
        // A blank name is none for the client.
        if (error instanceof TypeError) return false;
        if (!(error instanceof ApiError) || error.code === 'lease_lost') throw error;
        if (error.code === 'artifacts_off') return false;
        throw new AttemptFailed(
          `The artifact ${JSON.stringify(name)} of task ${task.eval_id}: ${error.message}`,
        );
      });
      if (!isStored) skipped.push(name);
    }
    return skipped;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true }).catch(() => undefined);
  }

  /** False for an entry that is not a file of the command itself. */
  private async storeFile(name: string, putArtifact: TaskContext['putArtifact']): Promise<boolean> {
    // A link could name a file that the worker may read and the command may not.
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    const file = await open(join(this.path, name), flags).catch(() => undefined);
    if (file === undefined) return false;
    try {
      const stats = await file.stat();
      const isOwn = this.user === undefined || stats.uid === this.user.uid;
      if (!stats.isFile() || stats.nlink > 1 || !isOwn) return false;
      const { size } = stats;
      // The descriptor, not the path: the entry may be another one by now.
      const read = () => file.createReadStream({ autoClose: false, start: 0, end: Math.max(size - 1, 0) });
      const content =
        size === 0 ? '' : { size, open: () => Readable.toWeb(read()) as ReadableStream<Uint8Array> };
      await putArtifact(name, content);
      return true;
    } finally {
      await file.close();
    }
  }
}
