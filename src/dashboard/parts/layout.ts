import type { Principal } from '../../auth/principal.js';
import { type Html, html, type Part } from './html.js';

export interface Section {
  readonly path: string;
  readonly title: string;
  /** The key that goes there, after `g`. */
  readonly key: string;
}

export interface PageFrame {
  readonly title: string;
  /** Address of the page's section. */
  readonly section: string;
  readonly sections: readonly Section[];
  /** Absent on pages for visitors without a session. */
  readonly principal?: Principal;
  /** No API key is configured, so the dashboard has no sign-in. */
  readonly isOpen: boolean;
  readonly content: Part;
  /** Content of the search box. */
  readonly search?: string;
}

/** Disables the inline indicator style and the history cache, and allows only one extension. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  extensions: 'sse',
  morphIgnore: ['data-htmx-powered', 'open'],
});

/**
 * Without `defer`, htmx processes the page after the deferred scripts have loaded. With it, htmx could run before its
 * extension, and the page would not follow its stream.
 */
const HEAD = html`<meta charset="utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <meta name="color-scheme" content="light dark" />
  <meta name="htmx-config" content="${HTMX_CONFIG}" />
  <link rel="icon" href="/dashboard/assets/icon.svg" type="image/svg+xml" />
  <link rel="stylesheet" href="/dashboard/assets/uPlot.min.css" />
  <link rel="stylesheet" href="/dashboard/assets/dashboard.css" />
  <script src="/dashboard/assets/htmx.min.js"></script>
  <script src="/dashboard/assets/hx-sse.min.js" defer></script>
  <script src="/dashboard/assets/uPlot.iife.min.js" defer></script>
  <script src="/dashboard/assets/dashboard.js" defer></script>
  <script src="/dashboard/assets/lists.js" defer></script>
  <script src="/dashboard/assets/charts.js" defer></script>
  <script src="/dashboard/assets/log.js" type="module"></script>`;

const BRAND = html`<a class="brand" href="/dashboard">
  <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false">
    <path d="M4 5h16l-2.2 11.2A3.4 3.4 0 0 1 14.5 19h-5a3.4 3.4 0 0 1-3.3-2.8z" fill="currentColor" />
    <path d="M8.5 22h7" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
  </svg>
  <span>Crucible</span>
</a>`;

/** A complete page. */
export function layout(frame: PageFrame): Html {
  const { title, principal, content } = frame;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <title>${title} · Crucible queue</title>
        ${HEAD}
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        ${principal === undefined ? null : frameOf(frame, principal)}
        <main id="main" tabindex="-1" class="${principal === undefined && 'alone'}">${content}</main>
      </body>
    </html>`;
}

function frameOf({ section, sections, isOpen, search }: PageFrame, principal: Principal): Html {
  return html`<header class="top">
      ${BRAND}
      <form class="find" role="search" action="/dashboard/find" method="get">
        <label class="unseen" for="find">Find tasks</label>
        <input
          id="find"
          name="q"
          type="search"
          value="${search}"
          placeholder="Find tasks: id, worker, words, queue:name"
          maxlength="500"
          autocomplete="off"
          spellcheck="false"
          data-suggest="/dashboard/suggest"
        />
        <button type="submit">Find</button>
      </form>
      <p id="connection" class="connection" role="status"></p>
      <button id="zone" class="plain small" type="button" title="Switch between local time and UTC">
        UTC
      </button>
      <button id="show-keys" class="plain small" type="button" aria-label="Keyboard shortcuts">?</button>
      ${isOpen ? html`<p class="who">No authentication</p>` : whoOf(principal)}
    </header>
    <nav class="sections" aria-label="Sections">
      <ul>
        ${sections.map(
          ({ path, title, key }) =>
            html`<li>
              <a href="${path}" data-key="${key}" aria-current="${path === section ? 'page' : 'false'}"
                >${title}</a
              >
            </li>`,
        )}
      </ul>
      <ul class="more">
        <li><a href="/docs">API</a></li>
      </ul>
    </nav>
    ${keysDialog(sections)}
    <p id="outage" class="outage" role="alert" hidden>
      The service does not answer. This page shows the last known state, and updates as soon as the service
      answers again.
    </p>`;
}

function whoOf({ keyId, roles }: Principal): Html {
  return html`<div class="who">
    <span><b>${keyId}</b> <span class="role">${roles.join(', ')}</span></span>
    <form method="post" action="/dashboard/sign-out">
      <button class="plain" type="submit">Sign out</button>
    </form>
  </div>`;
}

/** The keys that the script knows. */
function keysDialog(sections: readonly Section[]): Html {
  const keys: readonly (readonly [keys: readonly string[], effect: string])[] = [
    [['/'], 'Find'],
    ...sections.map(({ key, title }) => [['g', key], `Go to ${title.toLowerCase()}`] as const),
    [['j'], 'Next row'],
    [['k'], 'Previous row'],
    [['Enter'], 'Open the row'],
    [['x'], 'Select the row'],
    [['?'], 'Show these keys'],
    [['Esc'], 'Close'],
  ];
  return html`<dialog id="keys" aria-label="Keyboard shortcuts">
    <h2>Keyboard shortcuts</h2>
    <dl class="keys">
      ${keys.map(
        ([pressed, effect]) =>
          html`<div>
            <dt>${pressed.map((key) => html`<kbd>${key}</kbd> `)}</dt>
            <dd>${effect}</dd>
          </div>`,
      )}
    </dl>
    <form method="dialog"><button type="submit">Close</button></form>
  </dialog>`;
}
