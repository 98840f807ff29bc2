import { availableParallelism, loadavg } from 'node:os';

/** A campaign with its servers and replicas is about so much load for each processor by itself. */
const OWN_LOAD = 2;

/**
 * How many times longer than on a machine of its own a campaign lets anything take: 1, and more where other programs
 * want the processors, too. What is lost or done twice is judged without it.
 */
export function patience(): number {
  const [load = 0] = loadavg();
  return Math.max(1, load / (availableParallelism() * OWN_LOAD));
}
