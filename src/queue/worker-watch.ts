/** Sees workers come by, and tells them to go. What it does costs a call next to nothing. */
export abstract class WorkerWatch {
  /** @param queues those it claims from, when it claims */
  abstract saw(workerId: string, queues?: readonly string[]): void;

  /** Whether it is to get nothing any more. */
  abstract isDraining(workerId: string | undefined): boolean;

  /** Calls back when this worker is to drain; once at most, and not after what is returned was called. */
  abstract onDrain(workerId: string, callback: () => void): () => void;

  /** Notes that it has a parked poll, until what is returned is called. */
  parked(_workerId: string): () => void {
    return () => undefined;
  }

  /** Sees a heartbeat of whoever holds a task: what its answer tells the worker to do. */
  beat(workerId: string | undefined): 'drain' | null {
    if (workerId !== undefined) this.saw(workerId);
    return this.commandFor(workerId);
  }

  /** What an answer tells the worker to do. */
  commandFor(workerId: string | undefined): 'drain' | null {
    return this.isDraining(workerId) ? 'drain' : null;
  }
}
