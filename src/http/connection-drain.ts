import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';

/** How often connections without a request are closed while the service ends. */
const CLOSE_IDLE_EVERY_MS = 50;

/**
 * Ends connections at shutdown. The server waits for all of them, and kept-alive ones would hold it for a minute; so
 * those without a request are closed as soon as that is so, and the rest when the time is over.
 */
@Injectable()
export class ConnectionDrain implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  beforeApplicationShutdown(): void {
    const { server } = this;
    if (!server.listening) return;
    const idle = setInterval(() => {
      server.closeIdleConnections();
      this.closeUnused();
    }, CLOSE_IDLE_EVERY_MS);
    const rest = setTimeout(() => {
      server.closeAllConnections();
    }, this.config.SHUTDOWN_SECONDS * 1000);
    server.once('close', () => {
      clearInterval(idle);
      clearTimeout(rest);
    });
  }

  private get server(): Server {
    return this.host.httpAdapter.getHttpServer() as Server;
  }

  /** Node takes a connection that has sent nothing yet for one with a request under way. */
  private closeUnused(): void {
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}
