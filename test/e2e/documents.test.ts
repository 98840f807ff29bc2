import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blocksOf, stepsOf } from '../support/document.blocks.js';
import { DocumentPlayer } from '../support/document.player.js';
import { ServiceProcess } from '../support/service-process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLAYED = ['README.md'];
/** Commands that no test can run within the tests: what they begin with, and what runs them. */
const RUN_ELSEWHERE = [
  ['npm start', 'scripts/rehearse-image.mjs starts what it builds'],
  ['npm test', 'this is it'],
  ['docker ', 'scripts/rehearse-image.mjs does what the Dockerfile does'],
] as const;

describe.each(PLAYED)('%s', (document) => {
  let directory: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-document-'));
    service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data') });
  }, 60_000);

  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true });
  }, 30_000);

  it('shows commands that print what it says they print', async () => {
    const player = new DocumentPlayer(service.port);
    const steps = blocksOf(document)
      .filter(({ language }) => language === 'console')
      .flatMap(stepsOf);
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) {
      expect({ ...step, output: await player.play(step) }).toEqual(step);
    }
  });

  it('shows no command that nothing runs', () => {
    const commands = blocksOf(document)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ text }) => text.split('\n').filter((line) => line.trim() !== ''));
    const unknown = commands.filter(
      (command) => !RUN_ELSEWHERE.some(([beginning]) => command.startsWith(beginning)),
    );
    expect(unknown).toEqual([]);
  });
});

describe('links between the documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...markdownIn('docs')];

  it.each(documents)('of %s lead to files that are there', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    const missing = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(ROOT, dirname(document), link)));
    expect(missing).toEqual([]);
  });
});

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path));
}
