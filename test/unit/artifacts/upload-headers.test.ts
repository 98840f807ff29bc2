import { hash } from 'node:crypto';
import { readName } from '../../../src/artifacts/artifact-name.js';
import { digestsIn } from '../../../src/artifacts/content-digest.js';
import { rangeIn } from '../../../src/http/byte-range.js';

const SHA256 = hash('sha256', 'hello', 'base64');
const SHA512 = hash('sha512', 'hello', 'base64');

describe('the name of an artifact', () => {
  it.each([
    'a',
    'report.html',
    'Übersicht 2.pdf',
    '日本.txt',
    '👩‍🔬.png',
    '.hidden',
    'a'.repeat(255),
    'CON',
    '...',
  ])('may be %s', (name) => {
    expect(readName(name)).toEqual({ name });
  });

  it('is taken in one of the two forms of Unicode', () => {
    expect(readName('u\u0308')).toEqual({ name: 'ü' });
  });

  it.each([
    '',
    '.',
    '..',
    'a/b',
    '/etc/passwd',
    '..\\a',
    'a\0b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    'gpj.\u202eexe',
    'a\u2028b',
    '\ufeffa',
    'a'.repeat(256),
    'ü'.repeat(128),
  ])('is never %j', (name) => {
    expect(readName(name)).toEqual({ fault: expect.stringMatching(/^The name must /) });
  });
});

describe('Content-Digest', () => {
  it('is checked for the algorithms that the service knows', () => {
    const sha256 = { algorithm: 'sha256', value: Buffer.from(SHA256, 'base64') };
    const sha512 = { algorithm: 'sha512', value: Buffer.from(SHA512, 'base64') };
    expect(digestsIn(undefined)).toEqual([]);
    expect(digestsIn(`sha-256=:${SHA256}:`)).toEqual([sha256]);
    expect(digestsIn(`sha-512=:${SHA512}:,  sha-256=:${SHA256}:;q=1`)).toEqual([sha512, sha256]);
    expect(digestsIn('md5=:XUFAKrxLKna5cZ2REBfFkg==:')).toEqual([]);
  });

  it.each([
    '',
    'sha-256',
    `sha-256=${SHA256}`,
    `SHA-256=:${SHA256}:`,
    'sha-256=:aGVsbG8=:',
    'sha-256=:!:',
    ',',
  ])('is refused as %j', (header) => {
    expect(() => digestsIn(header)).toThrow('Content-Digest must look like');
  });
});

describe('Range', () => {
  it.each([
    ['bytes=0-3', { from: 0, to: 3 }],
    ['bytes=4-', { from: 4, to: 9 }],
    ['bytes=9-99', { from: 9, to: 9 }],
    ['bytes=-3', { from: 7, to: 9 }],
    ['bytes=-99', { from: 0, to: 9 }],
  ])('%s asks for a part of ten bytes', (header, range) => {
    expect(rangeIn(header, 10)).toEqual(range);
  });

  it.each([
    undefined,
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=1.5-2',
    'Bytes 0-1',
  ])('%s asks for all', (header) => {
    expect(rangeIn(header, 10)).toBeUndefined();
  });

  it.each([
    ['bytes=10-', 10],
    ['bytes=-0', 10],
    ['bytes=0-0', 0],
    ['bytes=-1', 0],
  ])('%s is refused of %d bytes', (header, size) => {
    expect(() => rangeIn(header, size)).toThrow(`The range begins after the last of ${size} bytes`);
  });
});
