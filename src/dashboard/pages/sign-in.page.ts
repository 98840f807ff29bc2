import { type Html, html } from '../parts/html.js';
import { layout } from '../parts/layout.js';

/** The form on which an operator enters an API key. */
export function signInPage(next: string, problem?: string): Html {
  const content = html`<form class="card sign-in" method="post" action="/dashboard/sign-in">
    <h1>Crucible queue</h1>
    <p class="hint">Sign in with an API key. The browser keeps a session, not the key.</p>
    <input type="hidden" name="next" value="${next}" />
    <label
      >API key<input name="key" type="password" autocomplete="current-password" maxlength="512" required
    /></label>
    ${problem !== undefined && html`<p class="problem" role="alert">${problem}.</p>`}
    <button class="primary" type="submit">Sign in</button>
  </form>`;
  return layout({ title: 'Sign in', section: '', sections: [], isOpen: false, content });
}
