import 'reflect-metadata';
import fc from 'fast-check';
import { IsBoolean, IsOptional } from 'class-validator';
import { planOf } from '../../../src/http/dto-plan.js';
import { ProblemError } from '../../../src/http/problem.error.js';
import { readQuery } from '../../../src/http/query-reader.js';
import { ToyPoll } from './toy-app.js';

const plan = planOf(ToyPoll);

function problem(query: string): ProblemError {
  try {
    readQuery(plan, `/tasks/next?${query}`);
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error(`${query} was accepted`);
}

describe('readQuery', () => {
  it('fills the DTO with declared parameters only', () => {
    expect(readQuery(plan, '/tasks/next')).toEqual({ wait: 0 });
    expect(readQuery(plan, '/x?wait=1.5&queue=a,b&worker_id=w1&api_key=k&Wait=9&a[b]=1&a=1&a=2')).toEqual({
      wait: 1.5,
      queue: ['a', 'b'],
      worker_id: 'w1',
    });
  });

  it.each(['', '0x10', '1e12', '%201', '1%20', '+1', '01', '1.', '.5', 'NaN', 'Infinity', '61', '-1', '１'])(
    'refuses wait=%s',
    (text) => {
      expect(problem(`wait=${text}`).code).toBe('invalid_request');
    },
  );

  it.each([
    'wait=1&wait=2',
    'wait=1&wait=1',
    'wait',
    'wait[]=1',
    'wait[__proto__][x]=1',
    'wait%5Bx%5D=1',
    'queue=a,',
    'queue=,',
    'queue=a,B',
    'queue=a,b,c,d',
    'worker_id=a%0d%0aX-Evil:1',
  ])('refuses %s', (query) => {
    const { code, extras } = problem(query);
    expect(code).toBe('invalid_request');
    expect(extras.errors?.[0]?.pointer).toMatch(/^(wait|queue|worker_id)$/);
  });

  it('refuses a query that cannot be read', () => {
    expect(problem('worker_id=%C3%28').code).toBe('malformed_request');
    expect(problem('a=1&'.repeat(3_000)).code).toBe('malformed_request');
  });

  it('reads flags', () => {
    class Flagged {
      @IsOptional()
      @IsBoolean()
      readonly flag?: boolean;
    }
    expect(readQuery(planOf(Flagged), '/?flag=false')).toEqual({ flag: false });
    expect(() => readQuery(planOf(Flagged), '/?flag=1')).toThrow(ProblemError);
  });

  it('answers any text with a DTO or a problem', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('wait', 'queue', '=', '&', '[', ']', '%', '0', '+', 'a') }),
        (text) => {
          try {
            const { wait } = readQuery(plan, `/?${text}`);
            expect(Number.isFinite(wait)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ProblemError);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
