import { flag, html, type Part } from '../../../src/dashboard/parts/html.js';

describe('a template', () => {
  it('escapes whatever is put in', () => {
    const text = `<b a="1" c='2'>&\r`;
    expect(html`<p title="${text}">${text}</p>`.text).toBe(
      '<p title="&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&#13;">&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&#13;</p>',
    );
  });

  it('takes what came out of a template as it is, also in lists', () => {
    const items = ['<', '>'].map((text) => html`<i>${text}</i>`);
    expect(html`<p>${items}</p>`.text).toBe('<p><i>&lt;</i><i>&gt;</i></p>');
  });

  it('leaves nothing for what is absent, and a digit for zero', () => {
    expect(html`${undefined}${null}${false}${0}`.text).toBe('0');
  });

  it.each([
    ['an attribute without quotes', () => html`<p title=${'x'}></p>`],
    ['the name of a tag', () => html`<${'p'}></p>`],
    [
      'a script',
      () =>
        html`<script>
          const a = '${'x'}';
        </script>`,
    ],
    [
      'a style',
      () =>
        html`<style>
          p {
            color: ${'red'};
          }
        </style>`,
    ],
  ])('refuses a value in %s', (_place, make) => {
    expect(make).toThrow('where escaping does not help');
  });

  it('takes nothing but a flag for an attribute', () => {
    const make = (part: Part) => html`<input name="a" ${part} />`;
    expect(make(flag('required', true)).text).toBe('<input name="a" required />');
    expect(() => make('onfocus=alert(1)')).toThrow('flag()');
  });
});
