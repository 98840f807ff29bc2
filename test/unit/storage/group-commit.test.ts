import { setImmediate as nextTurn } from 'node:timers/promises';
import { GroupCommit, NeverWritten } from '../../../src/storage/embedded/group-commit.js';

/** Stands in for lmdb: a transaction ends when the test says so. */
class Disk {
  readonly written: string[] = [];
  readonly commits = new GroupCommit();
  private end: { resolve: () => void; reject: (error: Error) => void } | undefined;
  private transaction: Promise<void> | undefined;

  write(...values: readonly string[]): Promise<void> {
    return this.commits.write(() => {
      for (const value of values) this.put(value);
    });
  }

  /** The end of the turn: lmdb takes no more into this transaction. */
  close(): void {
    this.commits.closed();
    this.transaction = undefined;
  }

  land(): void {
    this.end?.resolve();
  }

  fail(error: Error): void {
    this.end?.reject(error);
  }

  put(value: string): void {
    this.written.push(value);
    this.transaction ??= new Promise((resolve, reject) => {
      this.end = { resolve, reject };
    });
    this.commits.note(this.transaction);
  }
}

async function nextMicrotasks(): Promise<void> {
  for (let hops = 0; hops < 5; hops += 1) await Promise.resolve();
}

describe('GroupCommit', () => {
  it('puts what is written while a transaction is under way into the next one', async () => {
    const disk = new Disk();
    const first = Promise.all([disk.write('a'), disk.write('b')]);
    disk.close();
    const second = Promise.all([disk.write('c', 'd'), disk.write('e')]);
    expect(disk.written).toEqual(['a', 'b']);
    disk.land();
    await first;
    expect(disk.written).toEqual(['a', 'b', 'c', 'd', 'e']);
    disk.close();
    disk.land();
    await second;
  });

  it('waits for no transaction when there is nothing to put', async () => {
    const disk = new Disk();
    await disk.write();
    const first = disk.write('a');
    const none = disk.write();
    disk.close();
    const later = disk.write();
    disk.land();
    await Promise.all([first, none, later]);
    const second = disk.write('b');
    disk.close();
    disk.land();
    await second;
    expect(disk.written).toEqual(['a', 'b']);
  });

  it('puts a thousand tasks in a turn of their own, and lets nobody overtake them', async () => {
    const disk = new Disk();
    const done: string[] = [];
    const note = (name: string) => () => done.push(name);
    const write = (name: string, weight: number) =>
      disk.commits.write(() => disk.put(name), weight).then(note(name));
    const all = [
      write('a', 1),
      write('b', 1_000),
      write('c', 1),
      write('d', 999),
      write('e', 1_000),
      write('f', 200),
    ];
    expect(disk.written).toEqual(['a']);
    for (const wanted of ['a', 'b', 'cd', 'e', 'f']) {
      if (wanted !== 'a') {
        expect(disk.written.join('')).not.toContain(wanted);
        await nextTurn();
      }
      expect(disk.written.join('').endsWith(wanted)).toBe(true);
      disk.close();
      disk.land();
      await nextMicrotasks();
    }
    await Promise.all(all);
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('has not written what waits for its turn when lmdb fails', async () => {
    const disk = new Disk();
    const heavy = disk.commits.write(() => disk.put('a'), 1_000);
    disk.commits.fail(new Error('Cannot read'));
    await expect(heavy).rejects.toThrow(NeverWritten);
    await nextTurn();
    expect(disk.written).toEqual([]);
  });

  it('hands nothing on after a transaction has failed', async () => {
    const disk = new Disk();
    const first = disk.write('a');
    disk.close();
    const second = disk.write('b');
    disk.fail(new Error('No space left on device'));
    await expect(first).rejects.toThrow('No space left on device');
    await expect(second).rejects.toThrow(NeverWritten);
    await expect(disk.write('c')).rejects.toThrow(NeverWritten);
    expect(disk.written).toEqual(['a']);
    await disk.commits.settled();
  });

  it('takes a put that throws as a transaction that has failed', async () => {
    const disk = new Disk();
    const thrower = disk.commits.write(() => {
      throw new RangeError('Key too long');
    });
    await expect(thrower).rejects.toThrow('Key too long');
    await expect(disk.write('a')).rejects.toThrow(NeverWritten);
    expect(disk.written).toEqual([]);
  });
});
