import type { ServerResponse } from 'node:http';

/** Bytes that the kernel buffers per connection anyway; smaller buffers are not counted. */
const SMALL_BYTES = 16 * 1024;

const owners = new WeakMap<ServerResponse, BufferedBytes>();

/** Memory held because a client has not finished sending or reading. */
interface Holding {
  bytes: number;
  /** Disconnects the client and frees the bytes. */
  readonly cutOff: () => void;
}

/** The received bytes of one body. */
export interface BodyHolding {
  /** Sets the current number of bytes. May disconnect the client. */
  readonly grow: (bytes: number) => void;
  readonly release: () => void;
}

/**
 * Limits the total memory of unfinished bodies and unread responses. Beyond the limit, the oldest transfers are
 * disconnected first. Fast clients have finished by then, so many slow clients do not affect them.
 */
export class BufferedBytes {
  /** Oldest first. */
  private readonly holdings = new Set<Holding>();
  private held = 0;

  constructor(private readonly max: number) {}

  /** The counter for this exchange; `undefined` for other servers. */
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

  /** Counts a sent response. Call the returned function when the client has read it or disconnected. */
  holdAnswer(response: ServerResponse): (() => void) | undefined {
    const { writableLength: bytes } = response;
    if (bytes < SMALL_BYTES) return undefined;
    const holding = { bytes: 0, cutOff: () => void response.req.socket.destroy() };
    this.holdings.add(holding);
    this.grow(holding, bytes);
    return () => this.release(holding);
  }

  /** Counts an incoming body. `cutOff` must end its reading. */
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
