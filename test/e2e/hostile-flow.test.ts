import { describeStores } from '../support/describe-stores.js';
import type { TestApp } from '../support/test-app.js';

/** JSON texts: not all of what is sent can be written by `JSON.stringify`. */
const NUMBERS = [
  '-1',
  '1.5',
  '1e309',
  '-1e309',
  '9007199254740993',
  '1e300',
  '"1"',
  'true',
  '{}',
  '[]',
  '[1]',
  '""',
];
const STRINGS = [
  '1',
  'true',
  '{}',
  '[]',
  '["a"]',
  '""',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"a\\udc00"',
];
const HUGE = `"${'x'.repeat(100_000)}"`;
const NAMES = [...STRINGS, HUGE, '"../a"', '"a b"', '"__proto__"', '"é"'];
const LABELS = [
  ...['1', 'true', '"a"', '[]', '["a"]', '{"":"x"}', '{"a":""}', '{"a":1}', '{"a":null}', '{"a":{"b":"c"}}'],
  ...['{"a":["b"]}', '{"__proto__":"x"}', '{"a b":"c"}', '{"a":"b,c"}', '{"a":"b=c"}', '{"a":"\\u0000"}'],
  ...['{"a":"\\ud800"}', `{"a":${HUGE}}`, `{${HUGE}:"a"}`, '{"a":"x","__proto__":{"polluted":true}}'],
  `{${Array.from({ length: 5_000 }, (_, index) => `"l${index}":"x"`).join(',')}}`,
];
const RATES = [
  ...['1', '"1/s"', '[]', '{}', '{"tasks":1}', '{"per":1}', '{"tasks":-1,"per":1}', '{"tasks":0,"per":1}'],
  ...['{"tasks":1.5,"per":1}', '{"tasks":1,"per":0}', '{"tasks":1,"per":-1}', '{"tasks":1,"per":1e309}'],
  ...[
    '{"tasks":1e309,"per":1}',
    '{"tasks":"1","per":1}',
    '{"tasks":1,"per":"1"}',
    `{"tasks":${HUGE},"per":1}`,
  ],
];
const WEIGHTS = [
  ...['1', 'true', '"a"', '{}', '[]', '[1]', '[{}]', '["a b"]', '["\\u0000"]', '["__proto__"]', `[${HUGE}]`],
  ...['{"a":-1}', '{"a":0}', '{"a":1e309}', '{"a":"1"}', '{"a":null}', '{"__proto__":1}', '{"a/b":1}'],
  `{${Array.from({ length: 5_000 }, (_, index) => `"q${index}":1`).join(',')}}`,
];
const URLS = [
  ...[
    '1',
    '{}',
    '[]',
    '""',
    '"x"',
    '"ftp://a"',
    '"javascript:alert(1)"',
    '"http://u:p@a"',
    '"http://a\\u0000"',
    HUGE,
  ],
  ...['"http://a/b c"', '"http://a/ "', '" http://a/"', '"http://a/\\n"', '"http://a/\\ud800"'],
];
const TASK = '"code":"x"';
const SCHEDULE = `"schedule_id":"s","cron":"0 3 * * *","task":{${TASK}}`;

/** Where a value goes, as a request with a `?` in its body; and what must be refused there. */
const CASES: readonly (readonly [method: string, path: string, body: string, values: readonly string[]])[] = [
  ['POST', '/tasks', `{${TASK},"group":?}`, [...STRINGS, HUGE, `"${'x'.repeat(129)}"`, '"a\\nb"']],
  ['POST', '/tasks', `{${TASK},"requires":?}`, LABELS],
  ['POST', '/tasks', `{${TASK},"batch_id":?}`, NAMES],
  ['POST', '/tasks', `{${TASK},"queue":?}`, NAMES],
  ['POST', '/tasks', `{${TASK},"callback_url":?}`, URLS],
  ['POST', '/tasks/claim', '{"worker_id":"w","labels":?}', LABELS],
  ['POST', '/tasks/claim', '{"worker_id":"w","queues":?}', WEIGHTS],
  ['POST', '/tasks/batch', `{"tasks":[{${TASK}}],"batch_id":?}`, NAMES],
  ['POST', '/tasks/batch', `{"tasks":[{${TASK}}],"max_failures":?}`, NUMBERS],
  ['POST', '/tasks/batch', `{"tasks":[{${TASK}}],"callback_url":?}`, URLS],
  ['POST', '/tasks/batch', '{"tasks":?}', ['1', '"x"', '{}', '[]', `[${'{},'.repeat(1_000)}{}]`, HUGE]],
  ['POST', '/batches/kept/cancel', '{"reason":?}', ['1', 'true', '{}', '[]', HUGE]],
  ['POST', '/batches/kept/redrive', '{"outcome":?}', [...STRINGS, '"completed"', '"__proto__"', HUGE]],
  ['PATCH', '/queues/kept', '{"paused":?}', ['1', '0', '"true"', '{}', '[]', '""', HUGE]],
  ['PATCH', '/queues/kept', '{"max_depth":?}', NUMBERS],
  ['PATCH', '/queues/kept', '{"max_concurrency":?}', NUMBERS],
  ['PATCH', '/queues/kept', '{"max_concurrency_per_group":?}', NUMBERS],
  ['PATCH', '/queues/kept', '{"max_depth":7,"rate_limit":?}', RATES],
  ['PATCH', '/queues/kept', '{"priority_ageing":?}', ['-1', '0', '1e309', '"1"', 'true', '{}', '[]', HUGE]],
  ['PATCH', '/queues/kept', '?', ['1', '"x"', '[]', 'null', '{', '{"max_depth":}', '{"max_depth":NaN}']],
  ['POST', '/schedules', `{${SCHEDULE},"schedule_id":?}`, NAMES],
  [
    'POST',
    '/schedules',
    `{${SCHEDULE},"cron":?}`,
    [...STRINGS, HUGE, '"* * *"', '"99 * * * *"', '"0 0 30 2 *"'],
  ],
  ['POST', '/schedules', `{${SCHEDULE},"timezone":?}`, [...STRINGS, HUGE, '"Mars/Base"', '"__proto__"']],
  ['POST', '/schedules', `{${SCHEDULE},"catch_up":?}`, [...STRINGS, HUGE, '"some"']],
  ['POST', '/schedules', `{${SCHEDULE},"task":?}`, ['1', '"x"', '[]', '{}', '{"code":1}']],
  ['POST', '/schedules', `{${SCHEDULE},"task":{${TASK},"group":?}}`, [...STRINGS, HUGE]],
  ['POST', '/schedules', `{${SCHEDULE},"task":{${TASK},"requires":?}}`, LABELS],
];

describeStores(({ startApp }) => {
  describe('what steers the flow, given hostile values', () => {
    let service: TestApp;

    beforeAll(async () => {
      service = await startApp();
      const tasks = [{ eval_id: 'kept', code: 'x', queue: 'kept', group: 'g', requires: { gpu: 'a100' } }];
      await service.call('POST', '/tasks/batch', { body: { batch_id: 'kept', tasks } });
      await service.call('PATCH', '/queues/kept', { body: { max_concurrency_per_group: 1, max_depth: 5 } });
    });

    afterAll(() => service.close());

    async function everything(): Promise<readonly string[]> {
      const paths = ['/queues', '/batches', '/schedules', '/tasks', '/status'];
      return Promise.all(paths.map(async (path) => (await service.call('GET', path)).text));
    }

    it.each(CASES)('%s %s %s refuses each, and nothing has changed', async (method, path, body, values) => {
      const before = await everything();
      for (const value of values) {
        const answer = await service.call(method, path, { body: body.replace('?', () => value) });
        const shown = value.slice(0, 60);
        const sort = Math.floor(answer.status / 100);
        expect({ shown, sort, code: answer.body.code }).toEqual({ shown, sort: 4, code: expect.any(String) });
        expect(answer.text.length).toBeLessThan(10_000);
      }
      expect(await everything()).toEqual(before);
      expect(Object.keys({})).not.toContain('polluted');
    });

    it('takes names that only look dangerous as names', async () => {
      for (const group of ['__proto__', 'constructor', 'toString', '{}', '*', 'a b', '💡']) {
        const body = { eval_id: `odd-${Buffer.from(group).toString('hex')}`, code: 'x', queue: 'odd', group };
        expect((await service.call('POST', '/tasks', { body })).body).toMatchObject({ status: 'queued' });
        const listed = await service.call('GET', `/tasks?group=${encodeURIComponent(group)}`);
        expect(listed.body.tasks).toMatchObject([{ eval_id: body.eval_id, group }]);
        const claim = { worker_id: 'w', queues: ['odd'], labels: { constructor: 'x' } };
        expect((await service.call('POST', '/tasks/claim', { body: claim })).body.tasks).toMatchObject([
          { group },
        ]);
      }
    });
  });
});
