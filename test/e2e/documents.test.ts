import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../../src/client/index.js';
import { type Block, blocksOf, stepsOf } from '../support/document.blocks.js';
import { DocumentPlayer } from '../support/document.player.js';
import { DocumentProgram, PROGRAMS } from '../support/document.program.js';
import { ServiceProcess } from '../support/service-process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLAYED = ['README.md'];
/** Commands that no test can run within the tests: what they begin with, and what runs them. */
const RUN_ELSEWHERE = [
  ['npm start', 'scripts/rehearse-image.mjs starts what it builds'],
  ['npm test', 'this is it'],
  ['PYTHONPATH=clients/python python3 worker.py', 'the program above it is started so'],
] as const;

describe.each(PLAYED)('%s', (document) => {
  let directory: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-document-'));
    service = await ServiceProcess.start({ DATA_DIR: join(directory, 'data') });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('shows commands that print what it says they print, and workers that work', async () => {
    const player = new DocumentPlayer(service.port);
    const played = { console: 0, python: 0, ts: 0 };
    let program: DocumentProgram | undefined;
    try {
      for (const block of blocksOf(document)) {
        if (block.language === 'console') await play(player, block);
        if (PROGRAMS.includes(block.language)) {
          await program?.end();
          program = DocumentProgram.start(block, directory, service.port);
          await completesTask(service.url, `${block.language}-probe`);
        }
        if (block.language in played) played[block.language as keyof typeof played] += 1;
      }
      await program?.end();
    } finally {
      await program?.kill();
    }
    expect(Object.values(played).every((count) => count > 0)).toBe(true);
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

async function play(player: DocumentPlayer, block: Block): Promise<void> {
  for (const step of stepsOf(block)) expect({ ...step, output: await player.play(step) }).toEqual(step);
}

/** Whether the worker of a document takes a task, runs its code and reports what it printed. */
async function completesTask(url: string, id: string): Promise<void> {
  const client = new Client({ url });
  await client.enqueue({ eval_id: id, code: 'print("probe")' });
  expect(await client.wait(id, { timeout: 20 })).toMatchObject({ status: 'completed' });
  expect(await client.output(id)).toEqual({ stdout: 'probe\n' });
}

describe('docs/http.md', () => {
  it('names every route', () => {
    const text = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');
    const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as { paths: object };
    const routes = Object.keys(paths).filter((path) => !/\{file\}|\.js$/.test(path));
    const isNamed = (path: string) =>
      text.includes(path) || text.includes(`\`/${path.split('/').at(-1) ?? ''}\``);
    expect(routes.filter((path) => !isNamed(path))).toEqual([]);
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

  it.each(documents)('of %s lead to headings that are there', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#\s:]*)#([^)]+)\)/g)].map(([, file = '', anchor = '']) => ({
      file: file === '' ? document : join(dirname(document), file),
      anchor,
    }));
    const missing = links.filter(({ file, anchor }) => !anchorsOf(file).includes(anchor));
    expect(missing).toEqual([]);
  });
});

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(document: string): readonly string[] {
  const headings = readFileSync(join(ROOT, document), 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path));
}
