import { plural } from './format.js';
import { type Html, html } from './html.js';

/** Longer texts are cut here, because a browser is slow with megabytes. */
const SHOWN_CHARACTERS = 65_536;

/** A text from a client, with its line breaks. */
export function textBox(text: string): Html {
  const isCut = text.length > SHOWN_CHARACTERS;
  return html`<pre
      class="text"
      tabindex="0"
    ><code>${isCut ? text.slice(0, SHOWN_CHARACTERS) : text}</code></pre>
    ${isCut && html`<p class="hint">Cut; the API returns all ${plural(text.length, 'character')}.</p>`}`;
}

/** The same behind its title. */
export function folded(title: string, text: string, hint: string): Html {
  return html`<details class="folded">
    <summary>${title} <span class="hint">${hint}</span></summary>
    ${textBox(text)}
  </details>`;
}
