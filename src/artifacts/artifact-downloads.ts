import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { Task } from '../task/task.js';
import type { Artifact } from './artifact.js';
import { artifactNotFound } from './artifact.errors.js';
import { ArtifactService } from './artifact.service.js';
import { downloadAs, planDownload } from './download-headers.js';

/** Times that a download looks again when the artifact was replaced under it. */
const MOST_LOOKS = 3;

/** Answers requests for the bytes of artifacts. */
@Injectable()
export class ArtifactDownloads {
  constructor(private readonly artifacts: ArtifactService) {}

  /** @throws ProblemError `artifact_not_found`, `range_not_satisfiable` */
  async send(task: Task, name: string, response: Response): Promise<void> {
    for (let look = 1; look <= MOST_LOOKS; look += 1) {
      const artifact = await this.artifacts.find(task, name);
      if (await this.trySend(artifact, response)) return;
    }
    throw artifactNotFound(task.spec.id);
  }

  /** False when the artifact was replaced meanwhile; then nothing was sent. */
  private async trySend(artifact: Artifact, response: Response): Promise<boolean> {
    const { status, headers, range } = planDownload(artifact, response.req.headers);
    if (status === 304 || response.req.method === 'HEAD') {
      response.writeHead(status, headers).end();
      return true;
    }
    const download = await this.artifacts.download(artifact, downloadAs(artifact), range);
    if (download === undefined) return false;
    if ('address' in download) {
      response.writeHead(307, { Location: download.address, 'Content-Length': 0 }).end();
      return true;
    }
    response.writeHead(status, headers);
    await pipeline(download.stream, response).catch((error: unknown) => {
      // The client has left, or the bytes cannot be read: the answer ends before its Content-Length.
      response.destroy();
      if (!isClosedEarly(error)) throw error;
    });
    return true;
  }
}

function isClosedEarly(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
