/** How Node starts the service in the image, in `npm start` and in the bench. V8 reads it only when a process starts. */
export const YOUNG_GENERATION_FLAG = '--max-semi-space-size=32';

/** MiB of each half of V8's young generation, by the flags of a process; `undefined` for V8's default. */
export function semiSpaceOf(nodeOptions: string, flags: readonly string[]): number | undefined {
  // V8 takes `_` for `-`, and Node's own flags win over NODE_OPTIONS.
  const given = [...nodeOptions.split(/\s+/), ...flags].join(' ').replaceAll('_', '-');
  const sizes = [...given.matchAll(/--max-semi-space-size[= ](\d+)/g)];
  const last = sizes.at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
