import { isoTime } from '../queue/task.view.js';
import type { Artifact } from './artifact.js';
import type { StoredArtifact } from './dto/artifact.response.js';

export function artifactView(artifact: Artifact): StoredArtifact {
  const { name, size, sha256, contentType, attempt, createdAt } = artifact;
  return { name, size, sha256, content_type: contentType, attempt, created_at: isoTime(createdAt) };
}
