import { searchQuery, searchTextOf } from '../../../src/dashboard/search-text.js';
import {
  describeFilters,
  extraConditionOf,
  queryOf,
  readFilters,
} from '../../../src/dashboard/task-filters.js';
import { queuedTask, spec } from '../../support/task.builders.js';

function filtersOf(text: string) {
  return readFilters(searchQuery(text));
}

describe('the search box', () => {
  it.each([
    ['is:failed queue:gpu', 'status=failed&queue=gpu'],
    ['error:"out of memory" worker:w1', 'error=out+of+memory&worker_id=w1'],
    ['enqueued:2h exit:137', 'minutes=120&exit_code=137'],
    ['two words', 'text=two&text=words'],
    ['"a phrase"', 'text=a+phrase'],
    ['nightly:2030-01-31T03:00:00Z', 'text=nightly%3A2030-01-31T03%3A00%3A00Z'],
    ['ended:2030-01-31T02:00Z..', 'ended_after=2030-01-31T02%3A00Z'],
    ['ended:..2030-01-31T03:00Z', 'ended_before=2030-01-31T03%3A00Z'],
    ['error:"unclosed phrase', 'error=unclosed+phrase'],
    ['error:"a \\"quoted\\" part"', 'error=a+%22quoted%22+part'],
    ['', ''],
  ])('reads %s', (text, query) => {
    expect(searchQuery(text).toString()).toBe(query);
  });

  it.each([
    'is:queued is:failed queue:gpu group:"team a" batch:b-1 worker:w1 cause:oom id:eval-',
    'error:"out of \\"memory\\"" exit:137 enqueued:90m',
    'ended:2030-01-31T02:00Z..2030-01-31T03:00:01.500Z one "two three"',
  ])('says %s again as it was', (text) => {
    expect(searchTextOf(filtersOf(text))).toBe(text);
  });

  it.each(['is:gone', 'queue:', 'enqueued:soon', 'ended:yesterday', 'exit:x', 'id:-'])(
    'names what is no filter in %s, and never widens the search',
    (text) => {
      const filters = filtersOf(text);
      const isEmpty = queryOf(filters).size === 0 && searchQuery(text).get('queue') === '';
      expect(filters.unusable.length > 0 || isEmpty).toBe(true);
    },
  );

  it('keeps every filter in the address and in words', () => {
    const text = 'is:failed cause:oom id:e error:x exit:1 ended:2030-01-31T02:00Z..2030-01-31T03:00Z word';
    const filters = filtersOf(text);
    expect(readFilters(queryOf(filters))).toEqual(filters);
    expect(describeFilters(filters)).toBe(
      'failed with cause oom with ids that begin with e with “x” in the error with exit code 1 with “word” ' +
        'ended at or after 2030-01-31T02:00:00Z ended before 2030-01-31T03:00:00Z',
    );
  });

  it('matches words anywhere in any case, and errors without terminal codes', () => {
    const task = {
      ...queuedTask(),
      spec: spec({ id: 'Eval-7', queue: 'gpu', group: 'Team-A' }),
      last: { outcome: 'failed', workerId: 'w-9', error: '\u001b[31mOut\u001b[0m of memory' },
    } as const;
    const matches = (text: string) => extraConditionOf(filtersOf(text))?.(task);
    expect(
      ['eval-7', 'TEAM', 'w-9', 'GPU', 'error:"out of mem"', 'id:Eval', '"out of"'].map(matches),
    ).toEqual(Array<boolean>(7).fill(true));
    expect(['id:eval', 'error:disk', 'eval disk', 'exit:1'].map(matches)).toEqual(
      Array<boolean>(4).fill(false),
    );
  });
});
