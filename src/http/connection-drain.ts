import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';

/** How often connections without a request are closed while the service ends. */
const CLOSE_IDLE_EVERY_MS = 50;

/**
 * Ends connections at shutdown. The server waits for all of them, and kept-alive ones would hold it for a minute; so
 * those without a request are closed as soon as that is so, and the rest when the time is over.
 */
@Injectable()
export class ConnectionDrain implements BeforeApplicationShutdown {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  beforeApplicationShutdown(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    if (!server.listening) return;
    const idle = setInterval(() => {
      server.closeIdleConnections();
    }, CLOSE_IDLE_EVERY_MS);
    const rest = setTimeout(() => {
      server.closeAllConnections();
    }, this.config.SHUTDOWN_SECONDS * 1000);
    server.once('close', () => {
      clearInterval(idle);
      clearTimeout(rest);
    });
  }
}
