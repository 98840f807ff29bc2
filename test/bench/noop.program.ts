/** The no-op service as a process of its own. */
import 'reflect-metadata';
import { loadConfig } from '../../src/config/config.js';
import { createNoopApp } from './noop.app.js';

const config = loadConfig(process.env);
const app = await createNoopApp(config);
await app.listen(config.PORT, config.HOST);

// Through the exit, so that a profile is written when one is taken.
process.once('SIGINT', () => process.exit());
