import { scanEnvelope } from '../http/json-scanner.js';
import type { JsonText, Payload } from '../storage/task-store.js';

const MEMBERS: ReadonlySet<string> = new Set(['metadata', 'code']);
/** What was let in is not measured again. */
const NO_LIMITS = { maxDepth: Infinity, maxKeys: Infinity };

/** What a worker gets of a task besides its fields. */
export function payloadOf(code: JsonText, metadata: JsonText | undefined): Payload {
  return metadata === undefined ? `"code":${code}` : `"metadata":${metadata},"code":${code}`;
}

/** The metadata in a payload, as the text it came in as. */
export function metadataOf(payload: Payload): JsonText | undefined {
  return memberOf(payload, 'metadata');
}

/** The code in a payload, decoded. */
export function codeOf(payload: Payload): string {
  const code: unknown = JSON.parse(memberOf(payload, 'code') ?? '""');
  return typeof code === 'string' ? code : '';
}

function memberOf(payload: Payload, name: string): JsonText | undefined {
  return scanEnvelope(`{${payload}}`, MEMBERS, NO_LIMITS).opaque.get(name)?.text;
}
