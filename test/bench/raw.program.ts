/** The bare server as a process of its own. */
import { createRawServer } from './raw.server.js';

createRawServer().listen(Number(process.env.PORT), '127.0.0.1');

// Through the exit, so that a profile is written when one is taken.
process.once('SIGINT', () => process.exit());
