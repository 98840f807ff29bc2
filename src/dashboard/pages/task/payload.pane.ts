import { Injectable } from '@nestjs/common';
import { seesPayloads } from '../../../queue/queue-access.js';
import { QueueService } from '../../../queue/queue.service.js';
import { curlToEnqueue, curlToRead } from '../../curl.js';
import { plural } from '../../parts/format.js';
import { type Html, html, type Part } from '../../parts/html.js';
import { jsonBox } from '../../parts/json-box.js';
import { folded } from '../../parts/text-box.js';
import { TaskPane, type TaskSight } from './task-pane.js';

const VEILED = html`<section class="card" aria-label="Payload">
  <p class="hint">Viewers cannot see payloads and outputs.</p>
</section>`;

/** The code and metadata, and commands that repeat the request. */
@Injectable()
export class PayloadPane extends TaskPane {
  constructor(private readonly queue: QueueService) {
    super();
  }

  async render({ task, principal, origin }: TaskSight): Promise<Html> {
    if (!seesPayloads(principal)) return VEILED;
    const { spec } = task;
    const { code, metadata } = await this.queue.payload(task);
    return html`<section class="card" aria-label="Payload">
      ${folded('Code', code, `${plural(code.length, 'character')} of ${spec.language}`)}
      ${metadata !== undefined && metadataBox(spec.id, metadata)}
      ${copyButton('Copy curl command to read it', curlToRead(spec.id, origin))}
      ${copyButton('Copy curl command to enqueue it again', curlToEnqueue(spec, { code, metadata }, origin))}
    </section>`;
  }
}

function metadataBox(id: string, metadata: string): Html {
  return html`<details class="folded">
    <summary>Metadata <span class="hint">${plural(metadata.length, 'character')}</span></summary>
    ${jsonBox(`${id}-metadata`, metadata)}
  </details>`;
}

function copyButton(title: string, text: string | undefined): Part {
  if (text === undefined) return undefined;
  return html`<button type="button" class="plain" data-copy="${text}">${title}</button>`;
}
