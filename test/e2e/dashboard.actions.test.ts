import { describeStores } from '../support/describe-stores.js';
import type { Answer, TestApp } from '../support/test-app.js';

describeStores(({ startApp }) => {
  describe('an action on everything that matches, on the dashboard', () => {
    let service: TestApp;

    beforeAll(async () => {
      service = await startApp();
      for (const queue of ['gpu', 'cpu']) {
        for (const id of [`${queue}-1`, `${queue}-2`])
          await service.call('POST', '/tasks', { body: { eval_id: id, code: 'x', queue } });
      }
      service.clock.advanceSeconds(1);
    });

    afterAll(() => service.close());

    const get = (path: string) => service.call('GET', `/dashboard${path}`);

    function post(
      path: string,
      fields: Readonly<Record<string, string>> | [string, string][],
    ): Promise<Answer> {
      const type = 'application/x-www-form-urlencoded';
      const headers = { 'Content-Type': type, 'Sec-Fetch-Site': 'same-origin' };
      return service.call('POST', `/dashboard${path}`, {
        body: new URLSearchParams(fields).toString(),
        headers,
      });
    }

    function hidden({ text }: Answer): Record<string, string> {
      const inputs = text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
      return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]));
    }

    async function states(): Promise<unknown> {
      const { body } = await service.call('GET', '/tasks');
      return Object.fromEntries(
        (body.tasks as { eval_id: string; status: string }[]).map(({ eval_id: id, status }) => [id, status]),
      );
    }

    const UNUSABLE = [
      'queue=not%20a%20queue',
      'queue=gpu&queue=cpu',
      'status=faild',
      'status=queued,faild',
      'minutes=soon',
      'worker_id=%22',
      'batch_id=%C3%A9',
    ];

    it.each(UNUSABLE)('is not offered, nor is a wider list shown, for %s', async (query) => {
      const { status, text } = await get(`/tasks?${query}`);
      expect(status).toBe(200);
      expect(text).toContain('Not a valid filter');
      expect(text).not.toMatch(/bulk\?action|gpu-1|cpu-1/);
    });

    it.each([...UNUSABLE, 'queue=', 'Queue=gpu', 'queues=gpu', 'group=', 'unknown=1'])(
      'is refused for %s',
      async (query) => {
        expect((await get(`/bulk?action=cancel&${query}`)).status).toBe(422);
        const { at = '', count = '' } = hidden(await get('/bulk?action=cancel'));
        const fields = Object.fromEntries(new URLSearchParams(query));
        const isRepeated = new URLSearchParams(query).size > 1;
        const form = { action: 'cancel', at, count, typed: count, ...fields };
        if (!isRepeated) expect((await post('/bulk', form)).status).toBe(422);
        expect(Object.values((await states()) as object)).toEqual(Array(4).fill('queued'));
      },
    );

    it('gives tasks a new priority: one, the selected ones, and all that match', async () => {
      for (const id of ['p-1', 'p-2', 'p-3'])
        await service.call('POST', '/tasks', { body: { eval_id: id, code: 'x', queue: 'ranked' } });
      service.clock.advanceSeconds(1);
      const priorities = async () => {
        const { body } = await service.call('GET', '/tasks?queue=ranked');
        return (body.tasks as { priority: number }[]).map(({ priority }) => priority);
      };
      expect((await get('/tasks/p-1')).text).toContain('action="/dashboard/tasks/p-1/priority"');
      await post('/tasks/p-1/priority', { priority: '7' });
      expect(await priorities()).toEqual([1, 1, 7]);
      expect((await get('/tasks/p-1')).text).toContain('7, enqueued with 1');
      await post('/bulk', [...TWO, ['priority', '-3']]);
      expect(await priorities()).toEqual([-3, -3, 7]);
      const { status, text } = await post('/bulk', [...TWO, ['priority', 'soon']]);
      expect([status, text.includes('whole number from -1000 to 1000')]).toEqual([422, true]);
      const preview = await get('/bulk?action=prioritize&queue=ranked');
      expect(preview.text).toContain('name="priority"');
      await post('/bulk', { ...hidden(preview), typed: '3', priority: '1000' });
      expect(await priorities()).toEqual([1000, 1000, 1000]);
      await service.call('DELETE', '/tasks?queue=ranked');
    });

    it('cancels a batch as the API does, which its page shows', async () => {
      const tasks = [1, 2].map((number) => ({ eval_id: `b-${number}`, code: 'x', queue: 'batched' }));
      await service.call('POST', '/tasks/batch', { body: { batch_id: 'night-9', tasks } });
      service.clock.advanceSeconds(1);
      const part = hidden(await get('/bulk?action=cancel&batch_id=night-9&id=b-1'));
      await post('/bulk', { ...part, typed: '1' });
      expect((await service.call('GET', '/batches/night-9')).body.cancelled_at).toBeNull();
      const all = hidden(await get('/bulk?action=cancel&batch_id=night-9'));
      await post('/bulk', { ...all, typed: '1' });
      const { body } = await service.call('GET', '/batches/night-9');
      expect(body).toMatchObject({ counts: { cancelled: 2 }, cancelled_at: expect.any(String) });
      await service.call('DELETE', '/tasks?queue=batched');
    });

    it('changes no more than was confirmed, and nothing without the time of the preview', async () => {
      const fields = hidden(await get('/bulk?action=cancel&queue=gpu'));
      expect(fields).toMatchObject({ queue: 'gpu', count: '2' });
      const { at: _at, ...timeless } = fields;
      for (const form of [
        timeless,
        { ...timeless, at: '' },
        { ...timeless, at: 'x' },
        { ...timeless, at: '1e400' },
      ])
        expect((await post('/bulk', { ...form, typed: '2' })).status).toBe(422);
      expect((await post('/bulk', { ...fields, count: '1', typed: '1' })).status).toBe(200);
      expect(Object.values((await states()) as object).filter((state) => state === 'cancelled')).toHaveLength(
        1,
      );
    });

    it('takes no limit away that the form does not have', async () => {
      await service.call('PATCH', '/queues/gpu', { body: { max_depth: 7, max_concurrency: 3 } });
      expect((await post('/queues/gpu/limits', { max_concurrency: '4' })).status).toBe(422);
      const { body } = await service.call('GET', '/queues/gpu');
      expect(body).toMatchObject({ max_depth: 7, max_concurrency: 3 });
    });

    it('redrives the dead letters of one error when their number was typed, and nothing before', async () => {
      for (const id of ['dead-1', 'dead-2', 'dead-3']) {
        await service.call('POST', '/tasks', { body: { eval_id: id, code: 'x', queue: 'dead' } });
        await service.call('GET', '/tasks/next?queue=dead');
        const error = id === 'dead-3' ? 'other' : 'same';
        await service.call('POST', `/tasks/${id}/fail`, { body: { error } });
      }
      service.clock.advanceSeconds(1);
      const [, link = ''] =
        /"\/dashboard(\/bulk\?action=redrive&[^"]+)"\s*>Redrive 2 tasks…/.exec(
          (await get('/dead-letters')).text,
        ) ?? [];
      const preview = await get(link.replaceAll('&amp;', '&'));
      expect(preview.text).toMatch(/2 tasks[^]*dead-2[^]*dead-1/);
      const inputs = preview.text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
      const fields = [...inputs].map(([, name = '', value = '']): [string, string] => [name, value]);
      for (const typed of [undefined, '', '1'])
        expect(
          (await post('/bulk', typed === undefined ? fields : [...fields, ['typed', typed]])).text,
        ).toContain('The number does not match');
      expect(await states()).toMatchObject({ 'dead-1': 'failed', 'dead-2': 'failed', 'dead-3': 'failed' });
      await post('/bulk', [...fields, ['typed', '2']]);
      expect(await states()).toMatchObject({ 'dead-1': 'queued', 'dead-2': 'queued', 'dead-3': 'failed' });
    });
  });
});

/** Selected rows. */
const TWO: [string, string][] = [
  ['action', 'prioritize'],
  ['task', 'p-2'],
  ['task', 'p-3'],
];
