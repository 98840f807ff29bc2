import { join } from 'node:path';
import {
  composeScript,
  type LuaFile,
  parseLua,
  readLuaFiles,
} from '../../../../src/storage/redis/connection/lua-files.js';
import { outerNamesOf } from '../../../support/lua.names.js';

const FOLDER = join(import.meta.dirname, '../../../../src/storage/redis');
/** What Redis and Lua give to every script. */
const BUILT_IN = new Set(
  'KEYS ARGV redis ipairs math pairs select string table tonumber tostring unpack'.split(' '),
);

const files = readLuaFiles(FOLDER);
const all = [...files.values()];

const shared = all.filter(({ gives }) => gives.length > 0);
const scripts = all.filter(({ gives }) => gives.length === 0);
const SECTION = /^\s*-- (?:Read|Check|Write): /;
const READS =
  'EXISTS|GET|HEXISTS|HGET|HGETALL|HKEYS|HLEN|HMGET|HRANDFIELD|HSTRLEN|MGET|PTTL|SISMEMBER|SMEMBERS|TYPE';
/** A write, here or by a function that a shared file gives. */
const WRITE = new RegExp(
  `redis\\.call\\('(?!(?:${READS}|Z(?:CARD|COUNT|RANGE|RANGEBYSCORE|RANK|SCORE))')` +
    '|\\b(?:setNumber|insertTask|commitStaged|freeId|removeTask|removeAll|extendLog|enter|leave|publish|writePending)\\(',
);

function bodyOf(text: string): string {
  return text.split(' ]]\n').slice(1).join(' ]]\n');
}

/** What a file uses that is not its own, nor built in. */
function usedBy({ text }: LuaFile): readonly string[] {
  return [...outerNamesOf(text).used].filter((name) => !BUILT_IN.has(name)).sort();
}

function giversOf({ needs }: LuaFile): readonly LuaFile[] {
  return needs.flatMap((name) => files.get(name) ?? []);
}

describe('every Lua file', () => {
  it('is found', () => {
    expect(all.length).toBeGreaterThan(20);
  });

  it.each(all)('says what it is called with: $name', ({ text }) => {
    const [header = '', body = ''] = text.split(' ]]\n', 2);
    expect(header).toMatch(/^(-- needs: .+\n)*(-- gives: .+\n)*--\[\[ \S/);
    for (const name of ['KEYS', 'ARGV']) {
      if (new RegExp(`\\b${name}\\b`).test(body)) expect(header).toMatch(new RegExp(`^${name}\\b`, 'm'));
    }
  });

  it.each(all)('never looks into a payload: $name', ({ text }) => {
    expect(text).not.toMatch(/\bcjson\b|\bcmsgpack\b/);
  });

  it.each(all)('uses only what the files that it needs give, and each of those: $name', (file) => {
    const own = new Set(file.gives);
    const outer = usedBy(file).filter((name) => !own.has(name));
    const given = new Map(giversOf(file).flatMap(({ name, gives }) => gives.map((each) => [each, name])));
    expect(outer.filter((name) => !given.has(name))).toEqual([]);
    expect(new Set(outer.map((name) => given.get(name)))).toEqual(new Set(file.needs));
  });

  it.each(all)('writes what it gives, and nothing else without `local`: $name', (file) => {
    expect([...outerNamesOf(file.text).written].sort()).toEqual([...file.gives].sort());
  });

  it.each(all)('gives what another file uses: $name', ({ name, gives }) => {
    const users = all.filter(({ needs }) => needs.includes(name));
    const used = new Set(users.flatMap(usedBy));
    expect(gives.filter((each) => !used.has(each))).toEqual([]);
  });

  it.each(shared)('says what each function gives: $name', ({ text }) => {
    expect(text.match(/^(?!-- ).*\n(?=function )/gm) ?? []).toEqual([]);
  });

  it('gives a name that no other file gives', () => {
    const names = all.flatMap(({ gives }) => gives);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});

describe('every script', () => {
  it.each(scripts)('marks what it reads, checks and writes, from its first line: $name', ({ text }) => {
    expect(bodyOf(text)).toMatch(/^(local [A-Z_, ]+ = [\d, ]+\n|-- [^\n]*\n)*-- (Read|Check|Write): /);
  });

  it.each(scripts)('writes only in a section that says so: $name', ({ text }) => {
    let isWriting = false;
    const strays = bodyOf(text)
      .split('\n')
      .filter((line) => {
        if (SECTION.test(line)) isWriting = line.includes('Write: ');
        return !isWriting && WRITE.test(line);
      });
    expect(strays).toEqual([]);
  });
});

describe('a script', () => {
  const lua = (...texts: readonly [name: string, text: string][]) =>
    new Map(texts.map(([name, text]) => [name, parseLua(name, text)]));

  it('comes behind the files that it needs, each once, each behind those that it needs itself', () => {
    const some = lua(
      ['script', '-- needs: a, b\nscript()'],
      ['a', '-- needs: c\n-- gives: one\na()'],
      ['b', '-- needs: c, a\n-- gives: two, three\nb()'],
      ['c', '-- gives: four\nc()'],
      ['other', '-- gives: five\nother()'],
    );
    const calls = composeScript('script', some).match(/\w+\(\)/g);
    expect(calls).toEqual(['c()', 'a()', 'b()', 'script()']);
  });

  it('sees what a file gives, and none of its own names', () => {
    const some = lua(['script', '-- needs: a\nreturn one'], ['a', '-- gives: one\nlocal own = 1\none = own']);
    expect(composeScript('script', some)).toBe(
      'local one\ndo\n-- gives: one\nlocal own = 1\none = own\nend\n-- needs: a\nreturn one',
    );
  });

  it('is refused when files need each other', () => {
    const some = lua(
      ['script', '-- needs: a'],
      ['a', '-- needs: b\n-- gives: x'],
      ['b', '-- needs: a\n-- gives: y'],
    );
    expect(() => composeScript('script', some)).toThrow('script → a → b → a');
  });

  it('is refused when a file is missing', () => {
    expect(() => composeScript('script', lua(['script', '-- needs: a']))).toThrow('no Lua file script → a');
  });
});

describe('the names that a Lua file does not declare', () => {
  it('are those of other files, whatever is declared in blocks that have ended', () => {
    const { used, written } = outerNamesOf(`
      local own, other = {key = outer.field}, 1
      for at, each in ipairs(own) do local inner = at + each end
      local function named(one, ...) return one + own.two + inner end
      if own then local here = 1 elseif here then given, more = named(1), 2 end
      function told(last) return last end
    `);
    expect([...used].sort()).toEqual(['given', 'here', 'inner', 'ipairs', 'more', 'outer']);
    expect([...written].sort()).toEqual(['given', 'more', 'told']);
  });
});
