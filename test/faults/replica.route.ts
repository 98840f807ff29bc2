import type { SeededRandom } from '../support/store-random.js';

export interface RouteOptions {
  /** Which of the ports comes first. */
  readonly first?: number;
  /** Present for whoever takes any replica for each request; whoever has none keeps to one. */
  readonly random?: SeededRandom;
}

/** Which replica of the service the requests of one participant go to. */
export class ReplicaRoute {
  private index: number;
  private readonly random: SeededRandom | undefined;
  private isLeft = false;

  constructor(
    private readonly ports: readonly [number, ...number[]],
    { first = 0, random }: RouteOptions = {},
  ) {
    this.index = first % ports.length;
    this.random = random;
  }

  /** Where the next request goes. */
  next(): number {
    if (this.random !== undefined && !this.isLeft) this.index = this.random.below(this.ports.length);
    this.isLeft = false;
    return this.ports[this.index] ?? this.ports[0];
  }

  /** This one did not answer, or could not do it: the next request goes elsewhere, when there is another. */
  leave(): void {
    this.index = (this.index + 1) % this.ports.length;
    this.isLeft = true;
  }
}
