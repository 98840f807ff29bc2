import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that are handled at once; the others wait. */
const HANDLED_AT_ONCE = 4;

type Handle = () => void;

interface Turns {
  active: number;
  readonly waiting: Handle[];
}

/**
 * Limits the pipelined requests of one connection that are handled at once. Responses go out in request order anyway.
 * Without the limit, one client could delay all others or occupy all parked polls. Other connections get their turn
 * between two requests of one connection.
 */
export class ConnectionQueue {
  private readonly turns = new WeakMap<Socket, Turns>();

  /** @param maxOutstanding unanswered requests beyond this number close their connection */
  constructor(private readonly maxOutstanding: number) {}

  /** Handles the request when fewer than `HANDLED_AT_ONCE` earlier requests of its connection are unanswered. */
  enter({ socket }: IncomingMessage, response: ServerResponse, handle: Handle): void {
    const turns = this.turnsOf(socket);
    if (turns.active + turns.waiting.length >= this.maxOutstanding) {
      socket.destroy();
      return;
    }
    // The response is sent, or the client has disconnected.
    response.once('close', () => this.leave(turns));
    if (turns.active < HANDLED_AT_ONCE && turns.waiting.length === 0) {
      turns.active += 1;
      handle();
    } else {
      turns.waiting.push(handle);
    }
  }

  /** Whether a request of the connection is in progress and the client has read all data sent so far. */
  isWorking(socket: Socket): boolean {
    return (this.turns.get(socket)?.active ?? 0) > 0 && socket.writableLength === 0;
  }

  private leave(turns: Turns): void {
    turns.active -= 1;
    if (turns.waiting.length > 0) setImmediate(() => this.next(turns));
  }

  private next(turns: Turns): void {
    if (turns.active >= HANDLED_AT_ONCE) return;
    const handle = turns.waiting.shift();
    if (handle === undefined) return;
    turns.active += 1;
    handle();
  }

  private turnsOf(socket: Socket): Turns {
    const known = this.turns.get(socket);
    if (known) return known;
    const turns: Turns = { active: 0, waiting: [] };
    this.turns.set(socket, turns);
    // The client has disconnected.
    socket.once('close', () => turns.waiting.splice(0));
    return turns;
  }
}
