import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { etagOf } from './api-document.js';

export interface PageFile {
  readonly content: Buffer;
  readonly type: string;
  readonly etag: string;
}

const TYPES = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
};

/** The files of the Swagger UI package that the page needs; no others are served. */
const SWAGGER_UI_FILES = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
];

const START_SWAGGER_UI = `
window.ui = SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: 'BaseLayout',
});
`.trimStart();

/** The ReDoc bundle loads this logo from its vendor's CDN. Served pages must not call external hosts. */
const FOREIGN_PICTURE = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_PICTURE = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

/** The files behind the pages, read on first use and then cached in memory. */
@Injectable()
export class PageFiles {
  private readonly files = new Map<string, Promise<PageFile | undefined>>();

  /** @param redocDirectory where the build puts ReDoc; missing in an unbuilt checkout */
  constructor(private readonly redocDirectory = fileURLToPath(new URL('../assets/redoc', import.meta.url))) {}

  /** A file of the Swagger UI page; `undefined` for an unknown name. */
  swaggerUi(name: string): Promise<PageFile | undefined> {
    if (name === 'start.js') return this.keep(name, async () => Buffer.from(START_SWAGGER_UI));
    if (!SWAGGER_UI_FILES.includes(name)) return Promise.resolve(undefined);
    return this.keep(name, () => readFile(swaggerUiPath(name)));
  }

  /** The ReDoc bundle; `undefined` if this installation lacks it. */
  redoc(): Promise<PageFile | undefined> {
    return this.keep('redoc.standalone.js', async () => {
      const text = await readFile(`${this.redocDirectory}/redoc.standalone.js`, 'utf8');
      return Buffer.from(text.replaceAll(FOREIGN_PICTURE, NO_PICTURE));
    });
  }

  private keep(name: string, read: () => Promise<Buffer>): Promise<PageFile | undefined> {
    let file = this.files.get(name);
    if (!file) {
      file = read().then((content) => ({ content, type: typeOf(name), etag: etagOf(content) }), absent);
      this.files.set(name, file);
    }
    return file;
  }
}

function absent(error: unknown): undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT')
    return undefined;
  throw error;
}

function typeOf(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  return ending in TYPES ? TYPES[ending as keyof typeof TYPES] : 'application/octet-stream';
}

/** The package is a dependency of the Swagger module, so npm may nest it. */
function swaggerUiPath(name: string): string {
  const own = createRequire(import.meta.url);
  return createRequire(own.resolve('@nestjs/swagger')).resolve(`swagger-ui-dist/${name}`);
}
