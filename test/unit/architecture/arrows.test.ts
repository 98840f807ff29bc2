import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const SRC = join(ROOT, 'src');

const arrows = JSON.parse(readFileSync(join(ROOT, 'scripts/lib/arrows.json'), 'utf8')) as Record<
  string,
  string[]
>;

/** `storage/redis` of `storage/redis/records/x.ts`; undefined for a file at the top of src. */
function roomOf(file: string): string | undefined {
  return /^(storage\/(?:embedded|redis)|[^/]+)\//.exec(file)?.[1];
}

function importsOfRooms(): Record<string, string[]> {
  const found = new Map(Object.keys(arrows).map((room) => [room, new Set<string>()]));
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    const room = roomOf(file);
    if (room === undefined || !file.endsWith('.ts')) continue;
    const text = readFileSync(join(SRC, file), 'utf8');
    for (const [, path = ''] of text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const other = roomOf(relative(SRC, join(SRC, dirname(file), path)));
      if (other !== undefined && other !== room) found.get(room)?.add(other);
    }
  }
  return Object.fromEntries([...found].map(([room, others]) => [room, [...others].sort()]));
}

describe('the arrows between rooms', () => {
  it('are those that the rules for imports allow, none less', () => {
    expect(importsOfRooms()).toEqual(arrows);
  });

  it('hold every arrow of the picture in docs/architecture.md', () => {
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const picture = /```mermaid\n(.*?)```/s.exec(text)?.[1] ?? '';
    const drawn = [...picture.matchAll(/(\S+?)(?:\[[^\]]*\])? --> (\S+?)(?:\[|\s)/g)];
    expect(drawn.length).toBeGreaterThan(5);
    for (const [, from = '', to = ''] of drawn) expect(arrows[from]).toContain(to);
  });
});
