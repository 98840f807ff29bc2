/** Writes docs/configuration.md from the settings. Run `npm run build` first. */
import { writeFile } from 'node:fs/promises';
import { configurationDocument } from '../dist/config/configuration-document.js';

await writeFile(new URL('../docs/configuration.md', import.meta.url), configurationDocument());
