import { flag, type Html, html, type Part } from './html.js';
import { textBox, textTools } from './text-box.js';

/** Members of an object or an array that are shown at once; the rest is in the text. */
const MOST_MEMBERS = 200;
const MOST_DEPTH = 12;
/** Longer documents are shown as text only. */
const MOST_CHARACTERS = 65_536;

/**
 * JSON as a tree whose inner objects fold, and as the original text, which can be copied and downloaded. Numbers keep the
 * digits of the text, also those that a browser would round.
 *
 * @param name names the box and the downloaded file
 */
export function jsonBox(name: string, text: string): Html {
  const tree = text.length <= MOST_CHARACTERS ? treeOf(text) : undefined;
  return html`${tree && html`<div class="json">${tree}</div>`}
    <details class="folded" ${flag('open', tree === undefined)}>
      <summary>Text</summary>
      ${textBox(text)}
    </details>
    ${textTools(`${name}.json`, text)}`;
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** Marks the text of a number, which JavaScript might round. */
const NUMBER_MARK = '\u0000';

/** `undefined` when the text is no object or array. */
function treeOf(text: string): Html | undefined {
  let value: unknown;
  try {
    value = JSON.parse(
      text.replace(TOKENS, (token) => (token.startsWith('"') ? token : JSON.stringify(NUMBER_MARK + token))),
    );
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null ? branch(value, 0) : undefined;
}

function branch(value: object, depth: number): Html {
  const entries = Object.entries(value);
  const rest = entries.length - MOST_MEMBERS;
  return html`<ul>
    ${entries.slice(0, MOST_MEMBERS).map(([name, member]) => html`<li>${entryOf(name, member, depth)}</li>`)}
    ${rest > 0 && html`<li class="hint">and ${rest} more, see the text</li>`}
  </ul>`;
}

function entryOf(name: string, value: unknown, depth: number): Part {
  const key = html`<bdi class="key">${name}</bdi>`;
  if (typeof value !== 'object' || value === null || depth >= MOST_DEPTH) return html`${key} ${leaf(value)}`;
  const count = Object.keys(value).length;
  const kind = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  if (count === 0) return html`${key} ${kind}`;
  return html`<details>
    <summary>${key} <span class="hint">${kind}</span></summary>
    ${branch(value, depth + 1)}
  </details>`;
}

function leaf(value: unknown): Html {
  if (typeof value !== 'string') return html`<bdi class="leaf">${JSON.stringify(value)}</bdi>`;
  const isNumber = value.startsWith(NUMBER_MARK);
  return html`<bdi class="${isNumber ? 'leaf number-leaf' : 'leaf'}"
    >${isNumber ? value.slice(1) : value}</bdi
  >`;
}
