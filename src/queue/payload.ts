import { scanEnvelope } from '../http/json-scanner.js';
import type { JsonText, Payload } from '../storage/task-store.js';

const MEMBERS: ReadonlySet<string> = new Set(['metadata', 'code']);
/** Accepted payloads are not checked again. */
const NO_LIMITS = { maxDepth: Infinity, maxKeys: Infinity };

/** The payload of a task for a worker. */
export function payloadOf(code: JsonText, metadata: JsonText | undefined): Payload {
  return metadata === undefined ? `"code":${code}` : `"metadata":${metadata},"code":${code}`;
}

/** The metadata in a payload, as its original text. */
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
