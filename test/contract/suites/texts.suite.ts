import type { StartStore } from '../../support/store-harness.js';
import { the } from '../../support/store-user.js';

/** Texts that parsing, escaping, trimming or counting characters would change. */
const PAYLOADS: Readonly<Record<string, string>> = {
  'plain text': '"code":"print(1)"',
  nothing: '',
  'white space around and within': ' \t"code" :\r\n "x" ',
  quotes: String.raw`"code":"\"\\\" '\/ \b\f\n\r\t"`,
  unicode: '"code":"Größe – 日本語 – 🙂👩‍👩‍👧 \u2028\u2029\ufeff"',
  'combining marks that a normalisation would join': '"code":"e\u0301 \u00e9"',
  'escapes of lone surrogates': String.raw`"code":"\ud800 \uDFFF \ud83d\ude42"`,
  'escapes of NUL': String.raw`"code":"a\u0000b"`,
  'a NUL': '"code":"a\u0000b\u0000"',
  'numbers that a double cannot hold': '"metadata":{"a":9007199254740993,"b":1.0,"c":1e400,"d":-0}',
  'keys that objects treat specially': '"metadata":{"__proto__":1,"constructor":{},"a":1,"a":2}',
  'what looks like more of a record': '"code":"","state":"completed"},{"id":0',
  '1 MiB': `"code":"${'0123456789abcdef'.repeat(65_536)}"`,
  '1 MiB of wide characters': `"code":"${'é日🙂!'.repeat(104_858)}"`,
};

const OUTPUTS: Readonly<Record<string, string>> = {
  null: 'null',
  false: 'false',
  zero: '0',
  'an empty string': '""',
  'an empty array': '[]',
  'an empty object': '{}',
  'a number that a double cannot hold': '9007199254740993',
  'a number with a fraction of nothing': '1.0',
  'special keys': '{"__proto__":{"x":1},"constructor":null}',
  'escapes and unicode': String.raw`["\ud800","\u0000","é\"\\🙂"]`,
  'white space': ' { "a" :\n1 } ',
  '1 MiB': `"${'x'.repeat(1_048_576)}"`,
};

export function describeTexts(start: StartStore): void {
  it.each(Object.entries(PAYLOADS))('keeps a payload to the byte: %s', async (_, payload) => {
    const user = await start();
    await user.addWith(payload);
    expect(await user.store.findPayload('task-1')).toBe(payload);
    expect(the(await user.store.claim(user.request())).payload).toBe(payload);
    await user.harness.reopen();
    expect(await user.store.findPayload('task-1')).toBe(payload);
  });

  it.each(Object.entries(OUTPUTS))('keeps an output to the byte: %s', async (_, output) => {
    const user = await start();
    await user.add({});
    await user.complete(await user.takeOne(), output);
    expect(await user.store.findOutput('task-1')).toBe(output);
    await user.harness.reopen();
    expect(await user.store.findOutput('task-1')).toBe(output);
  });

  it('has no output of a task that produced none', async () => {
    const user = await start();
    await user.add({});
    expect(await user.store.findOutput('task-1')).toBeUndefined();
    await user.complete(await user.takeOne());
    expect(await user.store.findOutput('task-1')).toBeUndefined();
  });

  it('keeps an error of 1 MiB in the history and its beginning with the task', async () => {
    const user = await start();
    await user.add({});
    const error = `\u0000"é🙂 ${'e'.repeat(1_048_576)}`;
    const task = await user.fail(await user.takeOne(), error);
    expect(await user.find('task-1')).toEqual(task);
    expect(the(await user.store.findAttempts('task-1')).error).toBe(error);
  });
}
