import type { Labels } from '../task/requirements.js';

/** Records worker activity and reports drains. Its methods are cheap enough for every call. */
export abstract class WorkerActivity {
  /** @param queues the queues of a claim, with the labels of the worker */
  abstract markSeen(workerId: string, queues?: readonly string[], labels?: Labels): void;

  /** Whether the worker must get no new tasks. */
  abstract isDraining(workerId: string | undefined): boolean;

  /** Calls back, at most once, when this worker must drain. The returned function unsubscribes. */
  abstract onDrain(workerId: string, callback: () => void): () => void;

  /** The number of quarantined workers. */
  countQuarantined(): number {
    return 0;
  }

  /** Records a parked poll until the returned function is called. */
  parked(_workerId: string): () => void {
    return () => undefined;
  }

  /** Records a heartbeat; returns the command for the worker. */
  beat(workerId: string | undefined): 'drain' | null {
    if (workerId !== undefined) this.markSeen(workerId);
    return this.commandFor(workerId);
  }

  /** The command for the worker. */
  commandFor(workerId: string | undefined): 'drain' | null {
    return this.isDraining(workerId) ? 'drain' : null;
  }
}
