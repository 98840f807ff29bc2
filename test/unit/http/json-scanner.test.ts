import fc from 'fast-check';
import { JsonScanError, scanEnvelope, splitItems } from '../../../src/http/json-scanner.js';

const LIMITS = { maxDepth: 32, maxKeys: 10_000 };
const OPAQUE = new Set(['code', 'metadata', 'output']);

function scan(text: string, limits = LIMITS) {
  return scanEnvelope(text, OPAQUE, limits);
}

function faultOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof JsonScanError) return error.fault.kind;
    throw error;
  }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Objects with names that matter and values of any kind, written with random white space and escapes. */
const key = fc.constantFrom(
  'code',
  'metadata',
  'output',
  'a',
  '__proto__',
  'constructor',
  '',
  'c"o\\de',
  'ü',
);
const members = fc.array(fc.tuple(key, fc.jsonValue({ maxDepth: 4 })), { maxLength: 8 });
const space = fc.constantFrom('', ' ', '\n', '\t\r\n ');
const document = fc.tuple(members, space, fc.boolean()).map(([list, gap, isEscaped]) => {
  const name = (text: string) =>
    isEscaped && text.startsWith('c') ? JSON.stringify(text).replace('c', '\\u0063') : JSON.stringify(text);
  const texts = list.map(
    ([member, value]) => `${gap}${name(member)}${gap}:${gap}${JSON.stringify(value, null, gap)}${gap}`,
  );
  return `${gap}{${gap}${texts.join(',')}}${gap}`;
});

describe('scanEnvelope', () => {
  it('finds what JSON.parse finds in every valid object', () => {
    fc.assert(
      fc.property(document, (text) => {
        const whole = JSON.parse(text) as Record<string, unknown>;
        const { value, opaque } = scan(text);
        for (const [name, member] of opaque) {
          expect(JSON.parse(member.text)).toEqual(
            Object.entries(whole).find(([other]) => other === name)?.[1],
          );
          expect(text).toContain(member.text);
        }
        const rest = Object.entries(whole).filter(([name]) => !OPAQUE.has(name));
        expect(new Map(Object.entries(value))).toEqual(new Map(rest));
        expect([...opaque.keys()].sort()).toEqual(
          Object.keys(whole)
            .filter((name) => OPAQUE.has(name))
            .sort(),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('accepts a broken document exactly when JSON.parse accepts it', () => {
    const junk = fc.constantFrom(
      '',
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '-',
      'e',
      '\n',
      '\u0001',
      'null',
      '.',
    );
    const broken = fc.tuple(document, fc.nat(), fc.nat(3), junk).map(([text, at, cut, insert]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + insert + text.slice(place + cut);
    });
    fc.assert(
      fc.property(broken, (text) => {
        const result = parsed(text);
        const isObject =
          typeof result?.value === 'object' && result.value !== null && !Array.isArray(result.value);
        expect(faultOf(() => scan(text)) === undefined).toBe(isObject);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    '[]',
    '{}',
    '{"__proto__":{"polluted":true},"constructor":1}',
    '9007199254740993',
    '1.0',
    '1e400',
    '"\\ud800"',
    '"a\\u0000b"',
    '{ "a" : [ ] }',
    'null',
  ])('gives %s back as it came', (text) => {
    expect(scan(`{"eval_id":"a","output":${text} }`).opaque.get('output')?.text).toBe(text);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('lets the last of equal members win, however the name is written', () => {
    const { opaque, value } = scan('{"code":1,"a":1,"a":2,"co\\u0064e":2}');
    expect(opaque.get('code')?.text).toBe('2');
    expect(value).toEqual({ a: 2 });
  });

  it('checks the members that lose, too', () => {
    expect(faultOf(() => scan('{"code":nul,"code":1}'))).toBe('malformed');
  });

  it.each([
    ['', 'malformed'],
    ['\ufeff{}', 'malformed'],
    ["{'a':1}", 'malformed'],
    ['{"a":1,}', 'malformed'],
    ['{"a":01}', 'malformed'],
    ['{"a":Infinity}', 'malformed'],
    ['{"code":[}', 'malformed'],
    ['{"code":"\n"}', 'malformed'],
    ['{"code":"x"} DELETE', 'malformed'],
    ['null', 'not_object'],
    ['[]', 'not_object'],
    ['12', 'not_object'],
  ])('refuses %j as %s', (text, fault) => {
    expect(faultOf(() => scan(text))).toBe(fault);
  });

  it('counts depth from the outermost object and members everywhere', () => {
    const nested = (depth: number) => '{"code":'.repeat(depth) + '1' + '}'.repeat(depth);
    expect(faultOf(() => scan(nested(32)))).toBeUndefined();
    expect(faultOf(() => scan(nested(33)))).toBe('too_deep');
    const limits = { maxDepth: 32, maxKeys: 3 };
    expect(
      faultOf(() => scan('{"a":1,"code":{"b":{"c:":"::"}}}', { ...limits, maxKeys: 4 })),
    ).toBeUndefined();
    expect(faultOf(() => scan('{"a":1,"code":{"b":{"c:":"::"}}}', limits))).toBe('too_many_keys');
  });

  const LONG = 2 * 1024 * 1024;
  it.each([
    ['a long string', `{"code":"${'a'.repeat(LONG)}"}`],
    ['escaped quotes', `{"code":"${'\\"'.repeat(LONG / 2)}"}`],
    ['backslashes', `{"code":"${'\\\\'.repeat(LONG / 2)}"}`],
    ['an endless run of backslashes', `{"code":"${'\\'.repeat(LONG)}`],
    ['open arrays', '['.repeat(LONG)],
    ['open arrays in a member', `{"code":${'['.repeat(LONG)}`],
    ['objects in objects', '{"a":'.repeat(LONG / 5)],
    ['commas', `{${','.repeat(LONG)}`],
    ['colons', `{"a":[${':'.repeat(LONG)}`],
    ['quotes', `{"a":[${'""'.repeat(LONG / 2)}`],
    ['white space', `{${' '.repeat(LONG)}`],
    ['a long number', `{"a":${'9'.repeat(LONG)}}`],
    ['many keys', `{"a":1${',"b":0'.repeat(LONG / 6)}}`],
  ])('takes linear time for %s', (_name, text) => {
    const started = process.hrtime.bigint();
    faultOf(() => scan(text));
    const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
    // 50 ms is the aim on an idle machine; quadratic time would be minutes.
    expect(milliseconds).toBeLessThan(1_000);
  });
});

describe('splitItems', () => {
  const split = (text: string, maxItems = 10) => splitItems(text, 'tasks', maxItems, LIMITS);

  it('cuts the elements of the array out', () => {
    const { value, items } = split('{"batch_id":"b", "tasks": [ {"code":"a,]"} , 1,[2, 3] ]}');
    expect(value).toEqual({ batch_id: 'b' });
    expect(items).toEqual(['{"code":"a,]"}', '1', '[2, 3]']);
  });

  it('agrees with JSON.parse on every list of objects', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 9 }),
        space,
        (list, gap) => {
          const text = `{"x":1,"tasks":${JSON.stringify(list, null, gap)}}`;
          expect(split(text).items?.map((item) => JSON.parse(item) as unknown)).toEqual(
            JSON.parse(JSON.stringify(list)),
          );
        },
      ),
    );
  });

  it('does not count what is inside against the limits of the document', () => {
    const deep = '['.repeat(100) + ']'.repeat(100);
    expect(split(`{"tasks":[${deep}]}`).items).toEqual([deep]);
  });

  it('tells an absent list from one that is none', () => {
    expect(split('{}').items).toBeUndefined();
    expect(split('{"tasks":null}').items).toBeUndefined();
    expect(split('{"tasks":[]}').items).toEqual([]);
    expect(faultOf(() => split('{"tasks":{}}'))).toBe('not_array');
    expect(faultOf(() => split('{"tasks":[1,]}'))).toBe('malformed');
    expect(faultOf(() => split('{"tasks":[1 2]}'))).toBe('malformed');
  });

  it('stops one after the most that are wanted', () => {
    expect(split(`{"tasks":[${'1,'.repeat(1_000)}1]}`, 3).items).toHaveLength(4);
  });
});
