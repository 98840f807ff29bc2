import { jest } from '@jest/globals';
import { ScheduleStore } from '../../src/schedules/schedule-store.js';
import { Scheduler } from '../../src/schedules/scheduler.js';
import { describeStores } from '../support/describe-stores.js';
import type { TestApp } from '../support/test-app.js';

const TASK = { code: 'print(1)', queue: 'reports' };
const EVERY_MINUTE = { schedule_id: 'minutely', cron: '* * * * *', task: TASK };

describeStores(({ startApp }) => {
  describe('schedules', () => {
    let service: TestApp;

    beforeEach(async () => {
      service = await startApp();
    });

    afterEach(() => service.close());

    const post = (body: object) => service.call('POST', '/schedules', { body });
    const get = (path: string) => service.call('GET', path);
    const scheduler = () => service.app.get(Scheduler);

    async function ids(): Promise<string[]> {
      const { body } = await get('/tasks?limit=1000');
      return (body.tasks as { eval_id: string }[]).map(({ eval_id: id }) => id).toReversed();
    }

    async function pass(seconds: number): Promise<void> {
      service.clock.advanceSeconds(seconds);
      await scheduler().run();
    }

    it('enqueue a task at each due time, with all that the template says', async () => {
      const metadata = '{"n":9007199254740993,"list":[],"__proto__":{}}';
      const task = `{ "code": "é\\u0041", "queue": "reports", "priority": 7, "metadata": ${metadata} }`;
      const body = `{"schedule_id":"minutely","cron":"* * * * *","task":${task}}`;
      const made = await service.call('POST', '/schedules', { body });
      expect(made.status).toBe(201);
      expect(made.headers.get('location')).toBe('/schedules/minutely');
      expect(made.text).toContain(`"task":${task}`);
      await pass(30);
      expect(await ids()).toEqual([]);
      await pass(31);
      await scheduler().run();
      expect(await ids()).toEqual(['minutely:2026-01-01T00:01:00Z']);
      const claimed = await get('/tasks/next?queue=reports');
      expect(claimed.text).toContain(`"metadata":${metadata}`);
      expect(claimed.body).toMatchObject({ code: 'éA', priority: 7 });
      await pass(60);
      expect(await ids()).toEqual(['minutely:2026-01-01T00:01:00Z', 'minutely:2026-01-01T00:02:00Z']);
      expect((await get('/schedules/minutely')).body).toMatchObject({
        last_due_at: '2026-01-01T00:02:00.000Z',
        last_eval_id: 'minutely:2026-01-01T00:02:00Z',
      });
    });

    it('tell their next due times in their time zone', async () => {
      const { body } = await post({ ...EVERY_MINUTE, cron: '30 0 12 * * *', timezone: 'Asia/Tokyo' });
      expect((body.next_due_at as string[]).slice(0, 2)).toEqual([
        '2026-01-01T03:00:30.000Z',
        '2026-01-02T03:00:30.000Z',
      ]);
    });

    it.each([
      ['skip', []],
      ['one', ['minutely:2026-01-01T01:00:00Z']],
      ['all', Array.from({ length: 60 }, (_, index) => new Date(Date.UTC(2026, 0, 1, 0, index + 1)))],
    ])('make up for a downtime by the policy %s', async (catchUp, expected) => {
      await post({ ...EVERY_MINUTE, catch_up: catchUp });
      await pass(3600 + 30);
      const names = expected.map((each) =>
        typeof each === 'string' ? each : `minutely:${each.toISOString().replace('.000Z', 'Z')}`,
      );
      expect(await ids()).toEqual(names);
      await pass(30);
      expect(await ids()).toEqual([...names, 'minutely:2026-01-01T01:01:00Z']);
    });

    it('enqueue nothing while they are paused, and do not make up for it', async () => {
      await post({ ...EVERY_MINUTE, catch_up: 'all' });
      const paused = await post({ ...EVERY_MINUTE, catch_up: 'all', paused: true });
      expect([paused.status, paused.body.paused, paused.body.next_due_at]).toEqual([200, true, []]);
      await pass(600);
      expect(await ids()).toEqual([]);
      await post({ ...EVERY_MINUTE, catch_up: 'all' });
      await pass(60);
      expect(await ids()).toEqual(['minutely:2026-01-01T00:11:00Z']);
    });

    it('are as they were sent last, and keep their past when their times stay', async () => {
      const made = await post(EVERY_MINUTE);
      await pass(60);
      const same = await post(EVERY_MINUTE);
      expect([same.status, same.body.updated_at]).toEqual([200, made.body.updated_at]);
      const changed = await post({ ...EVERY_MINUTE, task: { ...TASK, code: 'print(2)' } });
      expect(changed.body).toMatchObject({
        created_at: '2026-01-01T00:00:00.000Z',
        updated_at: '2026-01-01T00:01:00.000Z',
        last_eval_id: 'minutely:2026-01-01T00:01:00Z',
      });
      await pass(60);
      expect((await get('/tasks/next?queue=reports')).body.code).toBe('print(1)');
      expect((await get('/tasks/next?queue=reports')).body.code).toBe('print(2)');
    });

    it('take a task of their queue that has the name of a run for the run', async () => {
      const body = { eval_id: 'minutely:2026-01-01T00:01:00Z', code: 'other', queue: 'reports' };
      await service.call('POST', '/tasks', { body });
      await post(EVERY_MINUTE);
      await pass(60);
      await pass(60);
      expect(await ids()).toEqual(['minutely:2026-01-01T00:01:00Z', 'minutely:2026-01-01T00:02:00Z']);
    });

    it.each([['minutely'], ['m'.repeat(100)]])(
      'run under another name, and say so, when another queue has a task of the usual one: %s',
      async (id) => {
        for (const minute of [1, 2]) {
          const body = { eval_id: `${id}:2026-01-01T00:0${minute}:00Z`, code: 'other' };
          expect((await service.call('POST', '/tasks', { body })).status).toBe(201);
        }
        await post({ ...EVERY_MINUTE, schedule_id: id });
        // As an older version left it.
        const { value, revision } = await service.app.get(ScheduleStore).find(id);
        if (value === undefined) throw new Error('There is no schedule');
        const { nonce: _, ...older } = value;
        await service.app.get(ScheduleStore).put(older, revision);
        await pass(60);
        await scheduler().run();
        service.clock.advanceSeconds(60);
        await Promise.all([scheduler().run(), scheduler().run()]);
        const runs = (await get('/tasks?queue=reports')).body.tasks as { eval_id: string }[];
        expect(runs).toHaveLength(2);
        const names = runs.map(({ eval_id: name }) => name).toReversed();
        expect(names[0]).toMatch(/^m.*:2026-01-01T00:01:00Z:[\w-]{6}$/);
        expect(names[1]).toMatch(/^m.*:2026-01-01T00:02:00Z:[\w-]{6}$/);
        expect((await get(`/schedules/${id}`)).body).toMatchObject({ last_eval_id: names[1] });
        expect((await get(`/schedules/${id}`)).text).not.toContain('nonce');
        await pass(60);
        expect((await get('/tasks?queue=reports')).body.tasks).toHaveLength(3);
      },
    );

    it('go on at once when a clock that was ahead is right again', async () => {
      await post(EVERY_MINUTE);
      await pass(60);
      await pass(86_400);
      service.clock.advanceSeconds(-86_400);
      await scheduler().run();
      await pass(60);
      await pass(60);
      const reports = (await get('/tasks?queue=reports')).body.tasks as { eval_id: string }[];
      expect(reports.map(({ eval_id: id }) => id)).toEqual([
        'minutely:2026-01-01T00:03:00Z',
        'minutely:2026-01-01T00:02:00Z',
        'minutely:2026-01-02T00:01:00Z',
        'minutely:2026-01-01T00:01:00Z',
      ]);
    });

    it.each(['and stay as they are', 'and are sent again', 'and are edited'])(
      'made under a clock that was ahead begin when it is right again: %s',
      async (how) => {
        service.clock.advanceSeconds(86_400);
        await post(EVERY_MINUTE);
        await scheduler().run();
        service.clock.advanceSeconds(-86_400);
        if (how === 'and are sent again') await post(EVERY_MINUTE);
        if (how === 'and are edited') await post({ ...EVERY_MINUTE, cron: '*/1 * * * *' });
        await scheduler().run();
        await pass(60);
        expect((await ids()).slice(-1)).toEqual(['minutely:2026-01-01T00:01:00Z']);
        expect((await get('/schedules/minutely')).body).toMatchObject({
          last_eval_id: 'minutely:2026-01-01T00:01:00Z',
        });
      },
    );

    it('are not stopped by one that cannot be read', async () => {
      await post({ ...EVERY_MINUTE, schedule_id: 'strange' });
      await post(EVERY_MINUTE);
      const { value, revision } = await service.app.get(ScheduleStore).find('strange');
      if (value !== undefined)
        await service.app.get(ScheduleStore).put({ ...value, cron: '99 * * * *' }, revision);
      await pass(60);
      expect(await ids()).toEqual(['minutely:2026-01-01T00:01:00Z']);
    });

    it('are read when they may be due or were edited, one in a turn, and not with every edit of others', async () => {
      for (const id of ['a', 'b', 'c']) await post({ ...EVERY_MINUTE, schedule_id: id, cron: '0 3 * * *' });
      await scheduler().run();
      await post({ ...EVERY_MINUTE, schedule_id: 'b', cron: '0 4 * * *' });
      const find = jest.spyOn(service.app.get(ScheduleStore), 'find');
      await scheduler().run();
      expect(find.mock.calls).toEqual([['b']]);
      let turns = 0;
      const count = () => {
        turns += 1;
        next = setImmediate(count);
      };
      let next = setImmediate(count);
      await pass(3 * 3600 + 1);
      clearImmediate(next);
      expect(find.mock.calls.slice(1).toSorted()).toEqual([['a'], ['c']]);
      expect(turns).toBeGreaterThanOrEqual(2);
    });

    it('are listed without their tasks, page by page, and forgotten', async () => {
      for (const id of ['a', 'b', 'c']) await post({ ...EVERY_MINUTE, schedule_id: id });
      const first = await get('/schedules?limit=2');
      expect(first.body.schedules).toMatchObject([{ schedule_id: 'c' }, { schedule_id: 'b' }]);
      expect(first.text).not.toContain('print');
      const cursor = String(first.body.next_cursor);
      expect(first.headers.get('link')).toBe(`</schedules?limit=2&cursor=${cursor}>; rel="next"`);
      const second = await get(`/schedules?limit=2&cursor=${cursor}`);
      expect(second.body).toMatchObject({ schedules: [{ schedule_id: 'a' }], next_cursor: null });
      const gone = await service.call('DELETE', '/schedules/b');
      expect(gone.body).toEqual({ schedule_id: 'b', status: 'deleted' });
      expect((await get('/schedules/b')).body.code).toBe('schedule_not_found');
      expect((await service.call('DELETE', '/schedules/b')).body.code).toBe('schedule_not_found');
      await pass(60);
      expect((await ids()).toSorted()).toEqual(['a:2026-01-01T00:01:00Z', 'c:2026-01-01T00:01:00Z']);
    });

    it.each([
      [{ cron: '61 * * * *' }, '/cron'],
      [{ cron: '* * * *' }, '/cron'],
      [{ cron: '0 0 30 2 *' }, '/cron'],
      [{ cron: '0,'.repeat(10_000) }, '/cron'],
      [{ cron: ['* * * * *'] }, '/cron'],
      [{ timezone: 'Mars/Base' }, '/timezone'],
      [{ timezone: '../../etc/passwd\u0000' }, '/timezone'],
      [{ catch_up: 'some' }, '/catch_up'],
      [{ paused: 'yes' }, '/paused'],
      [{ schedule_id: 'a/b' }, '/schedule_id'],
      [{ schedule_id: 'x'.repeat(101) }, '/schedule_id'],
      [{ task: 'print(1)' }, '/task'],
      [{ task: undefined }, '/task'],
      [{ task: {} }, '/task/code'],
      [{ task: { code: 1 } }, '/task/code'],
      [{ task: { ...TASK, timeout: 0 } }, '/task/timeout'],
      [{ task: { ...TASK, eval_id: 'mine' } }, '/task/eval_id'],
      [{ task: { ...TASK, run_at: '2030-01-31T12:00:00Z' } }, '/task/run_at'],
      [{ task: { ...TASK, backoff: { delay: 9, max_delay: 1 } } }, '/task/backoff/max_delay'],
    ])('are refused with %j', async (part, pointer) => {
      const answer = await post({ ...EVERY_MINUTE, ...part });
      expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
      expect((answer.body.errors as { pointer: string }[]).map((each) => each.pointer)).toContain(pointer);
      expect((await get('/schedules')).body.schedules).toEqual([]);
    });

    it.each(['/schedules/%00', '/schedules/a%2Fb', `/schedules/${'x'.repeat(3000)}`, '/schedules/__proto__'])(
      'are not there at %s',
      async (path) => {
        expect((await get(path)).status).toBe(404);
        expect((await service.call('DELETE', path)).status).toBe(404);
      },
    );

    it.each(['cursor=x', 'cursor=-1', 'cursor=3', 'cursor=3-Q8cpsi', 'limit=0', 'limit=1e3'])(
      'are not listed with %s',
      async (query) => {
        expect((await get(`/schedules?${query}`)).status).toBe(422);
      },
    );
  });
});
