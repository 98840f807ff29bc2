import type { FinishedItems, HeldTask, TaskStatus } from '../../../src/client/index.js';
import { CompletionDesk } from '../../../src/client/completion-desk.js';
import { JsonText } from '../../../src/client/json-text.js';

/** A service that holds every answer until the test gives it. */
class Service {
  readonly sent: string[] = [];
  private readonly held: (() => void)[] = [];
  /** What the next shared request answers for these tasks. */
  answer: (ids: readonly string[]) => unknown[] = (ids) =>
    ids.map((id, index) => ({ index, eval_id: id, status: 'completed' }));

  readonly complete = async ({ eval_id: id }: { readonly eval_id: string }): Promise<TaskStatus> => {
    this.sent.push(id);
    await this.turn();
    return { eval_id: id, status: 'completed' };
  };

  readonly finishAll = async (results: readonly { readonly eval_id: string }[]): Promise<FinishedItems> => {
    const ids = results.map(({ eval_id: id }) => id);
    this.sent.push(ids.join('+'));
    await this.turn();
    return { results: this.answer(ids) } as FinishedItems;
  };

  /** Answers everything until nothing is under way. */
  async answerAll(done: Promise<unknown>): Promise<void> {
    const state = { isDone: false };
    const end = done.then(() => {
      state.isDone = true;
    });
    while (!state.isDone) {
      this.held.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await end;
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => {
      this.held.push(resolve);
    });
  }
}

function start(): { service: Service; report: (id: string, output?: string) => Promise<string> } {
  const service = new Service();
  const desk = new CompletionDesk(service);
  const report = (id: string, output = '1') => {
    const task = { eval_id: id, lease_id: `lease-${id}` } as HeldTask;
    return desk.complete({ task, output: new JsonText(output), limits: {} });
  };
  return { service, report };
}

describe('the completions of a worker', () => {
  it('go out at once while few are under way, and then together', async () => {
    const { service, report } = start();
    const all = Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => report(id)));
    expect(service.sent).toEqual(['a', 'b']);
    await service.answerAll(all);
    expect(service.sent).toEqual(['a', 'b', 'c+d+e']);
    expect(await all).toEqual(Array(5).fill('completed'));
  });

  it('wait for no request that hangs', async () => {
    const { service, report } = start();
    const all = Promise.all(['a', 'b', 'c', 'd'].map((id) => report(id)));
    // Nothing has been answered.
    while (service.sent.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(service.sent).toEqual(['a', 'b', 'c+d']);
    await service.answerAll(all);
  });

  it.each([
    ['refused', { index: 0, problem: { code: 'lease_lost' } }],
    ['answered for another task', { index: 0, eval_id: 'x', status: 'completed' }],
    ['left out', { index: 7, eval_id: 'c', status: 'completed' }],
    ['no result', { index: 0, eval_id: 'c', status: 'queued' }],
  ])('go alone when they are %s in a shared answer', async (_, first) => {
    const { service, report } = start();
    service.answer = ([, id]) => [first, { index: 1, eval_id: id, status: 'completed' }];
    await service.answerAll(Promise.all(['a', 'b', 'c', 'd'].map((id) => report(id))));
    expect(service.sent).toEqual(['a', 'b', 'c+d', 'c']);
  });

  it('go alone when a shared request fails', async () => {
    const { service, report } = start();
    service.answer = () => {
      throw new Error('refused');
    };
    await service.answerAll(Promise.all(['a', 'b', 'c', 'd'].map((id) => report(id))));
    expect(service.sent).toEqual(['a', 'b', 'c+d', 'c', 'd']);
  });

  it('share a request within its size', async () => {
    const { service, report } = start();
    const large = `"${'x'.repeat(300_000)}"`;
    const reports = ['a', 'b', 'c', 'd', 'e'].map((id) => report(id, id === 'e' ? '1' : large));
    await service.answerAll(Promise.all([...reports, report('f', `"${'x'.repeat(500_000)}"`)]));
    expect(service.sent).toEqual(['a', 'b', 'f', 'c', 'd+e']);
  });
});
