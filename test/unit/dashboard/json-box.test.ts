import { jsonBox } from '../../../src/dashboard/parts/json-box.js';

describe('the box of a JSON text', () => {
  it('keeps the digits of numbers, and folds nested values', () => {
    const { text } = jsonBox(
      'output',
      '{"n": 9007199254740993, "e": 1.0e400, "in": {"a": [1.50, "<b>", null, true]}, "empty": []}',
    );
    expect(text).toContain('>9007199254740993<');
    expect(text).toContain('>1.0e400<');
    expect(text).toContain('>1.50<');
    expect(text).toContain('&lt;b&gt;');
    expect(text).not.toContain('<b>');
    expect(text.match(/<details>/g)).toHaveLength(2);
  });

  it.each(['"text"', '42', 'null', 'not JSON', '{"a": ', '[]'])('shows %s as text', (json) => {
    const { text } = jsonBox('output', json);
    expect(text).toContain('Text');
    expect(text).toContain('Copy');
  });

  it('reads strings that look like numbers, quotes and escapes as strings', () => {
    const { text } = jsonBox('output', '{"a": "1 \\" 2", "b\\\\": "-3", "12": "\\u0041"}');
    expect(text).toContain('>1 &quot; 2<');
    expect(text).toContain('>-3<');
    expect(text).toContain('>A<');
    expect(text).not.toContain('number-leaf');
  });

  it('limits the shown part of a wide and of a deep document', () => {
    const wide = jsonBox('output', JSON.stringify(Array.from({ length: 5_000 }, (_, index) => index)));
    expect(wide.text.match(/<li>/g)).toHaveLength(200);
    const deep = jsonBox('output', `${'['.repeat(500)}${']'.repeat(500)}`);
    expect(deep.text.match(/<details>/g)?.length).toBeLessThan(20);
  });
});
