import { mutantsOf } from '../../mutation/lua.mutants.js';

const afterOf = (source: string) => mutantsOf('x.lua', source).map(({ after }) => after);

describe('mutants of a Lua script', () => {
  it('turn a comparison into each neighbour of it', () => {
    expect(afterOf('local a = b <= c')).toEqual(['local a = b < c', 'local a = b > c']);
  });

  it('move a number by one', () => {
    expect(afterOf('return 7')).toEqual(['return 8', 'return 6']);
  });

  it('drop a call whose result nobody looks at, and a write whose result somebody does', () => {
    expect(afterOf("redis.call('ZREM', key, id)")).toEqual(['do end']);
    expect(afterOf("local n = redis.call('SREM', key, id)")).toEqual(['local n = false']);
    expect(afterOf("local n = redis.call('GET', key)")).toEqual([]);
  });

  it('turn a condition round', () => {
    expect(afterOf('if a then return b end')).toEqual(['if not (a) then return b end']);
    expect(afterOf('if not a then return b end')).toEqual(['if a then return b end']);
  });

  it('leave comments and strings alone that mean nothing', () => {
    expect(afterOf("--[[ 1 < 2 ]] local a = 'b < 3' -- and 4")).toEqual([]);
  });

  it('say where the change is, and hold the whole script', () => {
    const [mutant] = mutantsOf('x.lua', 'local a = b\nlocal c = a and b\nreturn c\n');
    expect(mutant).toEqual({
      file: 'x.lua',
      line: 2,
      before: 'local c = a and b',
      after: 'local c = a or b',
      source: 'local a = b\nlocal c = a or b\nreturn c\n',
    });
  });

  it('are refused of what is not understood', () => {
    expect(() => mutantsOf('x.lua', 'local a = `b`')).toThrow('No Lua that is known here');
  });
});
