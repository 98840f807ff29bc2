import { Injectable } from '@nestjs/common';
import { latestAttempt, LogService } from '../../../logs/log.service.js';
import { seesPayloads } from '../../../queue/queue-access.js';
import type { LogExtent } from '../../../storage/task-logs.js';
import { isFinished } from '../../../task/task.js';
import { card } from '../../parts/components.js';
import { byteSize } from '../../parts/format.js';
import { flag, type Html, html, type Part } from '../../parts/html.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/**
 * The log of an attempt, for those who may see payloads. `assets/log.js` shows its end and follows it; without scripts
 * there are links to the text.
 */
@Injectable()
export class LogPane extends TaskPane {
  constructor(private readonly logs: LogService) {
    super();
  }

  async render({ task, principal }: TaskSight): Promise<Part> {
    if (!seesPayloads(principal) || this.logs.maxBytes === 0) return undefined;
    const extents = await this.logs.extents(task);
    const isOver = isFinished(task);
    const latest = isOver ? extents.at(-1)?.attempt : latestAttempt(task);
    if (latest === undefined) return undefined;
    const present = { attempt: latest, first: 0, size: 0 };
    const all = extents.at(-1)?.attempt === latest ? extents : [...extents, present];
    const address = (attempt: number) =>
      `/dashboard/tasks/${encodeURIComponent(task.spec.id)}/log?attempt=${attempt}`;
    const keeps = this.logs.maxBytes;
    return card(
      'Log',
      html`<div data-log data-keeps="${keeps}" data-ended="${isOver ? task.state : ''}">
        ${tools(all, latest)}
        <p class="hint" data-log-dropped hidden>
          The service keeps about the last ${byteSize(keeps)} of each log. The beginning of this one is gone.
        </p>
        <p class="hint" data-log-cut hidden>
          This is the end of the log. “Open as text” has everything that the service keeps.
        </p>
        <pre class="text log-lines" role="region" aria-label="Lines of the log" tabindex="0" hidden></pre>
        <p class="hint" role="status" data-log-state></p>
        <p class="tools">
          <a class="button plain small" href="${address(latest)}" data-log-text>Open as text</a>
          <a
            class="button plain small"
            href="${address(latest)}"
            download="${task.spec.id}-${latest}.log"
            data-log-download
            >Download</a
          >
        </p>
        ${
          all.length > 1 &&
          html`<noscript>
            <ul class="tools">
              ${all.map(({ attempt }) => html`<li><a href="${address(attempt)}">Attempt ${attempt}</a></li>`)}
            </ul>
          </noscript>`
        }
      </div>`,
    );
  }
}

function tools(all: readonly LogExtent[], latest: number): Html {
  return html`<div class="log-tools" data-log-tools hidden>
    <label class="choice"
      >Attempt
      <select data-log-attempt>
        ${all.map(
          ({ attempt, first, size }) =>
            html`<option
              value="${attempt}"
              data-first="${first}"
              data-size="${size}"
              ${flag('selected', attempt === latest)}
            >
              ${attempt}
            </option>`,
        )}
      </select>
    </label>
    <label class="choice"><input type="checkbox" data-log-follow checked />Follow</label>
    <label class="choice"><input type="checkbox" data-log-wrap checked />Wrap</label>
    <span class="log-search">
      <input
        type="search"
        aria-label="Find in the shown lines"
        placeholder="Find in these lines"
        maxlength="200"
        autocomplete="off"
        spellcheck="false"
        data-log-search
      />
      <button type="button" class="small" aria-label="Previous match" data-log-previous>↑</button>
      <button type="button" class="small" aria-label="Next match" data-log-next>↓</button>
      <output data-log-count></output>
    </span>
  </div>`;
}
