/** Another queue, served by the bare server. Ids and leases have no quotes in them. */
export interface Rival {
  enqueue(code: string): Promise<unknown>;
  enqueueMany(codes: readonly string[]): Promise<unknown>;
  /** `undefined` when no task is ready. */
  claim(): Promise<{ readonly id: string; readonly lease: string; readonly code: string } | undefined>;
  complete(id: string, lease: string, output: object): Promise<unknown>;
}
