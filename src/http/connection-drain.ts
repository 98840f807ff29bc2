import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';

/** Milliseconds between two closings of idle connections during shutdown. */
const CLOSE_IDLE_EVERY_MS = 50;

/**
 * Closes connections at shutdown. The server waits for all of them, and idle ones would delay it for a minute. So idle
 * connections close as soon as their requests end, and the rest at the deadline.
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

  /** Node treats a connection that has sent nothing yet as active. */
  private closeUnused(): void {
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}
