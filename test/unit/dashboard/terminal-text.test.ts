import { plainText, terminalRuns } from '../../../src/dashboard/parts/terminal-runs.js';
import { terminalText } from '../../../src/dashboard/parts/terminal-text.js';

const ESC = '\u001b';

describe('the text of a terminal', () => {
  it.each([
    [`${ESC}[31mred${ESC}[0m`, '<span class="ansi-red">red</span>'],
    [
      `${ESC}[1;92mgood${ESC}[22m on${ESC}[39m`,
      '<span class="ansi-green ansi-bold">good</span><span class="ansi-green"> on</span>',
    ],
    [`${ESC}[38;5;196mx${ESC}[48;2;1;2;31my`, 'xy'],
    [`${ESC}[4munder${ESC}[24m`, '<span class="ansi-underlined">under</span>'],
    [`${ESC}[31m<b>&${ESC}[m`, '<span class="ansi-red">&lt;b&gt;&amp;</span>'],
    [`10 %\r50 %\r100 %\nnext\r\n`, '100 %\nnext\n'],
    [`${ESC}]0;a title\u0007text${ESC}[2K${ESC}[1A`, 'text'],
    [`${ESC}]8;;http://evil.example${ESC}\\link${ESC}]8;;${ESC}\\`, 'link'],
    [`a${ESC}`, 'a'],
    [`bell\u0007 and\u0000 nul`, 'bell and nul'],
  ])('shows %j', (text, shown) => {
    expect(terminalText(text).text).toBe(shown);
    expect(plainText(text)).not.toMatch(/\u001b|\r/);
  });

  it('hides nothing behind an unfinished sequence', () => {
    expect(plainText(`${ESC}]0;title without an end\nError: lost`)).toContain('Error: lost');
    expect(plainText(`${ESC}P${'x'.repeat(10)}\nError: lost`)).toContain('Error: lost');
  });

  it('takes linear time', () => {
    for (const part of [`${ESC}[`, `${ESC}]`, `${ESC}P`, `${ESC}[1;`, '\r', `${ESC} `])
      expect(plainText(part.repeat(200_000)).length).toBeLessThan(800_001);
  });

  it('goes on in the style at the end of the text before', () => {
    const first = terminalRuns(`${ESC}[1;31mred`);
    expect(terminalRuns(`still${ESC}[0m plain`, first.style).runs).toEqual([
      { text: 'still', classes: 'ansi-red ansi-bold' },
      { text: ' plain', classes: '' },
    ]);
  });
});
