import { runProgram } from '../../src/cli/run.js';

export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `crucible-queue` within this process, which costs a hundredth of a process of its own. One call at a time. */
export async function callCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Called> {
  const before = process.env;
  const streams = [process.stdout, process.stderr] as const;
  const writes = streams.map((stream) => stream.write);
  const texts = ['', ''];
  streams.forEach((stream, index) => {
    stream.write = (chunk: unknown): boolean => {
      texts[index] = `${texts[index] ?? ''}${String(chunk)}`;
      return true;
    };
  });
  process.env = { ...before, ...env };
  try {
    const code = await runProgram(args);
    return { code, stdout: texts[0] ?? '', stderr: texts[1] ?? '' };
  } finally {
    process.env = before;
    streams.forEach((stream, index) => (stream.write = writes[index] ?? stream.write));
  }
}
