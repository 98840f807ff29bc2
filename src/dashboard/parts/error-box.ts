import { foreign } from './components.js';
import { errorLine, plural } from './format.js';
import { flag, type Html, html } from './html.js';
import { terminalBox, textTools } from './text-box.js';

const SUMMARY_LENGTH = 400;
/** Errors up to this number of lines are shown whole. */
const SHORT_LINES = 6;

/** The line that names the error, and the whole text as its tool printed it; a long one is folded. */
export function errorBox(name: string, error: string): Html {
  const lines = error.trimEnd().split('\n').length;
  return html`<p class="error-text">${foreign(errorLine(error, SUMMARY_LENGTH))}</p>
    <details class="folded" ${flag('open', lines > 1 && lines <= SHORT_LINES)}>
      <summary>Whole error <span class="hint">${plural(lines, 'line')}</span></summary>
      ${terminalBox(error)} ${textTools(`${name}.txt`, error)}
    </details>`;
}
