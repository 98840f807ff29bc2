import type { Rival } from './rival.js';

interface Data {
  readonly code: string;
}

/** What is used of pg-boss. It is no package of the project, because it needs a later Node than the service. */
interface Boss {
  on(event: 'error', listener: (error: unknown) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: Data): Promise<string | null>;
  insert(name: string, jobs: readonly { readonly data: Data }[]): Promise<unknown>;
  fetch(name: string): Promise<readonly { readonly id: string; readonly data: Data }[]>;
  complete(name: string, id: string, output: object): Promise<unknown>;
}

interface BossModule {
  readonly PgBoss: new (options: object) => Boss;
}

/** pg-boss with its defaults, and a connection for every other request under way. */
export async function openBoss(port: number, module: string): Promise<Rival> {
  const { PgBoss } = (await import(module)) as BossModule;
  const boss = new PgBoss({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 32 });
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue('bench');
  return {
    enqueue: (code) => boss.send('bench', { code }),
    enqueueMany: (codes) =>
      boss.insert(
        'bench',
        codes.map((code) => ({ data: { code } })),
      ),
    claim: async () => {
      const [job] = await boss.fetch('bench');
      return job && { id: job.id, lease: 'none', code: job.data.code };
    },
    complete: (id, _lease, output) => boss.complete('bench', id, output),
  };
}
