import { plural } from './format.js';
import { type Html, html, type Part } from './html.js';
import { terminalText } from './terminal-text.js';

/** Longer texts are cut here, because a browser is slow with megabytes. */
const SHOWN_CHARACTERS = 65_536;

/** A text from a client, with its line breaks. */
export function textBox(text: string): Html {
  return box(text, (shown) => shown);
}

/** What a program printed, with the colors that it asked for. */
export function terminalBox(text: string): Html {
  return box(text, terminalText);
}

function box(text: string, shownAs: (text: string) => Part): Html {
  const isCut = text.length > SHOWN_CHARACTERS;
  return html`<pre
      class="text"
      tabindex="0"
    ><code>${shownAs(isCut ? text.slice(0, SHOWN_CHARACTERS) : text)}</code></pre>
    ${
      isCut &&
      html`<p class="hint">
        The beginning of ${plural(text.length, 'character')}. Copy and download have the whole text.
      </p>`
    }`;
}

/** The same behind its title, with buttons that copy and download it. */
export function folded(title: string, text: string, hint: string): Html {
  return html`<details class="folded">
    <summary>${title} <span class="hint">${hint}</span></summary>
    ${textBox(text)} ${textTools(`${title.toLowerCase()}.txt`, text)}
  </details>`;
}

/** Buttons that copy and download a text. */
export function textTools(name: string, text: string): Html {
  return html`<p class="tools" data-text="${text}">
    <button type="button" class="plain small" data-copy-text>Copy</button>
    <button type="button" class="plain small" data-download="${name}">Download</button>
  </p>`;
}
