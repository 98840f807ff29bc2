import { JsonText, membersOf, stringify } from '../../../src/client/json-text.js';

describe('JsonText', () => {
  it('keeps numbers that JavaScript would change', () => {
    const metadata = new JsonText('{"a": 9007199254740993, "b": 1.0, "c": 1e400}');
    expect(stringify({ metadata, code: 'x' })).toBe(`{"metadata":${metadata.text},"code":"x"}`);
    expect(stringify({ tasks: [{ metadata }, metadata] })).toBe(
      `{"tasks":[{"metadata":${metadata.text}},${metadata.text}]}`,
    );
  });

  it('is refused when it is not JSON', () => {
    expect(() => new JsonText('{"a": 1')).toThrow(SyntaxError);
  });

  it('leaves everything else to JSON.stringify', () => {
    const value = { at: new Date(0), none: undefined, list: [undefined, () => 0], text: new JsonText('1.0') };
    expect(stringify(value)).toBe('{"at":"1970-01-01T00:00:00.000Z","list":[null,null],"text":1.0}');
    expect(stringify(undefined)).toBeUndefined();
  });
});

describe('membersOf', () => {
  it('takes a document apart without parsing it', () => {
    expect([...membersOf(' {"a\\"]": [1, {"b": "}"}], "c": {} , "d": "x:,"} ')]).toEqual([
      ['a"]', '[1, {"b": "}"}]'],
      ['c', '{}'],
      ['d', '"x:,"'],
    ]);
    expect([...membersOf('[1, [2, 3], {}]').values()]).toEqual(['1', '[2, 3]', '{}']);
    expect(membersOf('[]').size).toBe(0);
    expect(membersOf('['.repeat(100_000) + ']'.repeat(100_000)).size).toBe(1);
  });

  it.each(['{"tasks": [{"eval_id": "a"}', '[1, 2', '', 'null', '[1] 2'])('refuses %j', (text) => {
    expect(() => membersOf(text)).toThrow(SyntaxError);
  });
});
