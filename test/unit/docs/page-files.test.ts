import { fileURLToPath } from 'node:url';
import { PageFiles } from '../../../src/docs/page-files.js';

const REDOC = fileURLToPath(new URL('../../../node_modules/redoc/bundles', import.meta.url));

describe('PageFiles', () => {
  it('gives the files of Swagger UI that the page needs', async () => {
    const files = new PageFiles();
    expect(await files.swaggerUi('swagger-ui.css')).toMatchObject({ type: 'text/css; charset=utf-8' });
    expect(await files.swaggerUi('favicon-32x32.png')).toMatchObject({ type: 'image/png' });
    expect((await files.swaggerUi('swagger-ui-bundle.js'))?.content.length).toBeGreaterThan(100_000);
  });

  it.each([
    'package.json',
    'swagger-ui.css.map',
    '../package.json',
    'index.html',
    '',
    'constructor',
    '__proto__',
  ])('has no %j', async (name) => {
    expect(await new PageFiles().swaggerUi(name)).toBeUndefined();
  });

  it('reads a file once', async () => {
    const files = new PageFiles();
    expect(await files.swaggerUi('start.js')).toBe(await files.swaggerUi('start.js'));
  });

  it('gives ReDoc without the picture that it would fetch from elsewhere', async () => {
    const file = await new PageFiles(REDOC).redoc();
    const text = file?.content.toString() ?? '';
    expect(text.length).toBeGreaterThan(100_000);
    expect(text).not.toContain('cdn.redoc.ly');
  });

  it('has no ReDoc where the build has not put it', async () => {
    expect(await new PageFiles('/nowhere').redoc()).toBeUndefined();
  });

  it('fails when a file is there and cannot be read', async () => {
    await expect(new PageFiles('/dev/null').redoc()).rejects.toThrow('ENOTDIR');
  });
});
