import { Injectable } from '@nestjs/common';
import type { Artifact } from '../../../artifacts/artifact.js';
import { ArtifactService } from '../../../artifacts/artifact.service.js';
import { seesPayloads } from '../../../queue/queue-access.js';
import { card, foreign, table } from '../../parts/components.js';
import { ago, byteSize, number } from '../../parts/format.js';
import { type Html, html, type Part } from '../../parts/html.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** The files that attempts left, for those who may see payloads. */
@Injectable()
export class ArtifactsPane extends TaskPane {
  constructor(private readonly artifacts: ArtifactService) {
    super();
  }

  async render({ task, principal, now }: TaskSight): Promise<Part> {
    if (!seesPayloads(principal)) return undefined;
    const rows = await this.artifacts.list(task);
    if (rows.length === 0) return undefined;
    const columns = [
      { title: 'Name', cell: (artifact: Artifact) => link(task.spec.id, artifact) },
      { title: 'Size', cell: ({ size }: Artifact) => byteSize(size), isNumber: true },
      { title: 'Attempt', cell: ({ attempt }: Artifact) => number(attempt), isNumber: true },
      { title: 'Stored', cell: ({ createdAt }: Artifact) => ago(createdAt, now) },
    ];
    return card('Artifacts', table({ caption: 'Artifacts', columns, rows, empty: '' }));
  }
}

function link(id: string, { name }: Artifact): Html {
  const href = `/dashboard/tasks/${encodeURIComponent(id)}/artifacts/${encodeURIComponent(name)}`;
  return html`<a href="${href}" download>${foreign(name)}</a>`;
}
