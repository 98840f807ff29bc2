import type { ServerResponse } from 'node:http';

/** What the kernel takes of each connection anyway. */
const SMALL_BYTES = 16 * 1024;

const owners = new WeakMap<ServerResponse, BufferedBytes>();

/** Something that is in memory because a client is not done with sending or reading it. */
interface Holding {
  bytes: number;
  /** Ends it, and lets go of the bytes. */
  readonly cutOff: () => void;
}

/** The bytes of one body, as far as it has arrived. */
export interface BodyHolding {
  /** How many there are now. May cut it off. */
  readonly grow: (bytes: number) => void;
  readonly release: () => void;
}

/**
 * What unfinished bodies and unread answers hold in memory together. When it is more than may be, those who began first
 * are cut off: whoever keeps up is done by then, so many slow clients cost none of the others anything.
 */
export class BufferedBytes {
  /** The oldest first. */
  private readonly holdings = new Set<Holding>();
  private held = 0;

  constructor(private readonly max: number) {}

  /** What counts the bytes of this exchange; `undefined` outside of a server of ours. */
  static of(response: ServerResponse): BufferedBytes | undefined {
    return owners.get(response);
  }

  get size(): number {
    return this.held;
  }

  /** Counts the bytes of this exchange from now on. */
  own(response: ServerResponse): void {
    owners.set(response, this);
  }

  /** Counts an answer that was handed over. What is returned must be called when the client has read it, or is gone. */
  holdAnswer(response: ServerResponse): (() => void) | undefined {
    const { writableLength: bytes } = response;
    if (bytes < SMALL_BYTES) return undefined;
    const holding = { bytes: 0, cutOff: () => void response.req.socket.destroy() };
    this.holdings.add(holding);
    this.grow(holding, bytes);
    return () => this.release(holding);
  }

  /** Counts a body that arrives. `cutOff` must end the reading of it. */
  holdBody(cutOff: () => void): BodyHolding {
    const holding = { bytes: 0, cutOff };
    return {
      grow: (bytes) => {
        if (bytes < SMALL_BYTES) return;
        this.holdings.add(holding);
        this.grow(holding, bytes);
      },
      release: () => this.release(holding),
    };
  }

  private grow(holding: Holding, bytes: number): void {
    this.held += bytes - holding.bytes;
    holding.bytes = bytes;
    for (const oldest of this.holdings) {
      if (this.held <= this.max) return;
      this.release(oldest);
      oldest.cutOff();
    }
  }

  private release(holding: Holding): void {
    if (this.holdings.delete(holding)) this.held -= holding.bytes;
  }
}
