import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The roles that CONTRIBUTING.md lists, as `.module` and so on. */
function rolesOf(text: string): readonly string[] {
  const [, list = ''] = /A dot comes only before a\s+role:([^]*?)\.\n/.exec(text) ?? [];
  return [...list.matchAll(/`\.([a-z]+)`/g)].map(([, role = '']) => role);
}

describe('the files of src', () => {
  const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => basename(path, '.ts'));
  const roles = rolesOf(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8'));

  it('have names in kebab-case, with a dot only before a role', () => {
    const isNamed = new RegExp(`^[a-z0-9]+(-[a-z0-9]+)*(\\.(${roles.join('|')}))?$`);
    expect(names.filter((name) => !isNamed.test(name))).toEqual([]);
  });

  it('use every role', () => {
    const used = new Set(names.map((name) => name.split('.')[1]));
    expect(roles.length).toBeGreaterThan(5);
    expect(roles.filter((role) => !used.has(role))).toEqual([]);
  });
});
