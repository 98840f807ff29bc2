import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that are worked on at the same time; the others wait for their turn. */
export const HANDLED_AT_ONCE = 4;

type Handle = () => void;

interface Turns {
  active: number;
  readonly waiting: Handle[];
}

/**
 * Has the requests that a client pipelines on one connection wait for each other. Answers go out in the order of the
 * requests anyway, so to work on all of them at once would only let one client keep everybody else waiting, or take all
 * places of parked polls. Between two requests of a connection others get their turn.
 */
export class ConnectionQueue {
  private readonly turns = new WeakMap<Socket, Turns>();

  /** @param maxOutstanding more requests than that without an answer end their connection */
  constructor(private readonly maxOutstanding: number) {}

  /** Handles the request now, or when enough of those before it on its connection have been answered. */
  enter({ socket }: IncomingMessage, response: ServerResponse, handle: Handle): void {
    const turns = this.turnsOf(socket);
    if (turns.active + turns.waiting.length >= this.maxOutstanding) {
      socket.destroy();
      return;
    }
    // An answer that is sent, or that nobody will read any more.
    response.once('close', () => this.leave(turns));
    if (turns.active < HANDLED_AT_ONCE && turns.waiting.length === 0) {
      turns.active += 1;
      handle();
    } else {
      turns.waiting.push(handle);
    }
  }

  /** Whether a request of the connection is being worked on, and the client has read all that it was sent so far. */
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
    // Nobody is left to answer.
    socket.once('close', () => turns.waiting.splice(0));
    return turns;
  }
}
