import { type Html, html } from './html.js';
import { terminalRuns } from './terminal-runs.js';

/** The text with the colors and styles that it asks for, as classes of the style sheet. Other codes are dropped. */
export function terminalText(text: string): Html {
  const { runs } = terminalRuns(text);
  return html`${runs.map((run) =>
    run.classes === '' ? run.text : html`<span class="${run.classes}">${run.text}</span>`,
  )}`;
}
