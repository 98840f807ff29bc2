import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';

/** The stored bytes differ from what the store wrote. */
export class DamagedValue extends Error {
  override readonly name: string = 'DamagedValue';
}

/*
 * Layout: 0 u8 SEAL   1 u32 CRC-32 of what follows, little endian   5 the text in UTF-8
 *
 * Earlier builds wrote the text alone. UTF-8 text never begins with SEAL, and no single-bit change turns SEAL into a
 * character that can begin JSON.
 */
const SEAL = 0xc1;
const TEXT_AT = 5;

function seal(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(TEXT_AT + Buffer.byteLength(text));
  bytes.write(text, TEXT_AT);
  return sealed(bytes);
}

function sealed(bytes: Buffer): Buffer {
  bytes[0] = SEAL;
  bytes.writeUInt32LE(crc32(bytes.subarray(TEXT_AT)), 1);
  return bytes;
}

/** @throws DamagedValue */
function unseal(bytes: Buffer, hasMeaning: (text: string) => boolean): string {
  if (bytes[0] !== SEAL) return oldText(bytes, hasMeaning);
  return content(bytes).toString();
}

/** @throws DamagedValue */
function content(bytes: Buffer): Buffer {
  const inside = bytes.subarray(TEXT_AT);
  if (bytes.length < TEXT_AT || bytes[0] !== SEAL || crc32(inside) !== bytes.readUInt32LE(1))
    throw new DamagedValue('it does not match its checksum');
  return inside;
}

/** A text without a checksum can only be checked for plausibility. */
function oldText(bytes: Buffer, hasMeaning: (text: string) => boolean): string {
  const text = bytes.toString();
  if (!isUtf8(bytes) || !hasMeaning(text)) throw new DamagedValue('it is not what a store writes');
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** lmdb passes a decoder its own buffer, which is valid until the next read. Copy whatever must outlive it. */
export function bytesOf(bytes: Uint8Array & { end?: number }): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.end ?? bytes.length);
}

export interface SealedEncoder {
  readonly encode: (text: string) => Buffer;
  /** @throws DamagedValue */
  readonly decode: (bytes: Uint8Array) => string;
}

/** The encoder of a table of texts that satisfy `hasMeaning`. */
function sealedText(hasMeaning: (text: string) => boolean): SealedEncoder {
  return { encode: seal, decode: (bytes: Uint8Array) => unseal(bytesOf(bytes), hasMeaning) };
}

/** Members of a JSON object, without its braces. */
export const SEALED_PAYLOAD = sealedText((text) => isJson(`{${text}}`));
/** JSON that the service never parses. */
export const SEALED_OUTPUT = sealedText(isJson);

/** Values stored as JSON. A damaged value is returned as its `DamagedValue`, so that it does not stop an iteration. */
export const SEALED_JSON_OR_DAMAGE = {
  encode: (value: unknown) => seal(JSON.stringify(value)),
  decode: parsedOrDamage,
};

/** The same for callers that have the text already. */
export const SEALED_JSON_TEXT = { encode: seal, decode: parsedOrDamage };

function parsedOrDamage(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(unseal(bytesOf(bytes), isJson));
  } catch (error) {
    return error instanceof DamagedValue ? error : new DamagedValue('it is not JSON');
  }
}

/** Values stored as JSON that the store cannot work without. */
export const SEALED_JSON = {
  encode: (value: unknown) => seal(JSON.stringify(value)),
  decode: (bytes: Uint8Array): unknown => JSON.parse(unseal(bytesOf(bytes), isJson)),
};

/** Bytes of any kind. Damaged ones are returned as their `DamagedValue`. */
export const SEALED_BYTES_OR_DAMAGE = {
  encode: (bytes: Buffer) => sealed(Buffer.concat([Buffer.alloc(TEXT_AT), bytes])),
  decode: (bytes: Uint8Array): Buffer | DamagedValue => {
    try {
      // A copy: the buffer of lmdb is valid until the next read.
      return Buffer.from(content(bytesOf(bytes)));
    } catch (error) {
      return error instanceof DamagedValue ? error : new DamagedValue('it cannot be read');
    }
  },
};
