import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { semiSpaceOf, YOUNG_GENERATION_FLAG } from '../../../src/young-generation.js';
import { ROOT } from '../deploy/manifests.js';

const read = (path: string) => readFileSync(`${ROOT}/${path}`, 'utf8');

describe("V8's young generation", () => {
  it('is enlarged by every way to start the service that the project ships', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
    expect(scripts.start).toContain(`node ${YOUNG_GENERATION_FLAG} `);
    expect(read('Dockerfile')).toContain(`ENTRYPOINT ["node", "${YOUNG_GENERATION_FLAG}", "dist/main.js"]`);
    expect(read('scripts/rehearse-image.mjs')).toContain(`'${YOUNG_GENERATION_FLAG}', 'dist/main.js'`);
  });

  it('follows the flag in the Node that runs this', () => {
    const limitOf = (flag: string) =>
      Number(execFileSync(process.execPath, [flag, '-p', 'v8.getHeapStatistics().heap_size_limit']));
    expect(limitOf(YOUNG_GENERATION_FLAG) - limitOf('--max-semi-space-size=1')).toBeGreaterThanOrEqual(
      31 * 2 ** 20,
    );
  });

  it('is read from the flags of the process', () => {
    expect(semiSpaceOf('', [])).toBeUndefined();
    expect(semiSpaceOf('', [YOUNG_GENERATION_FLAG])).toBe(32);
    expect(semiSpaceOf('--max_semi_space_size=8 --no-warnings', [])).toBe(8);
    expect(semiSpaceOf('--max-semi-space-size=8', ['--max-semi-space-size', '16'])).toBe(16);
  });
});
