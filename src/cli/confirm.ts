import { createInterface } from 'node:readline/promises';
import type { Context } from './context.js';
import { CommandFailed, EXIT } from './exit-code.js';

export interface Question {
  /** The effect, shown before the question. */
  readonly preview: string;
  readonly question: string;
}

/** Whether an operator can answer a question. */
export function isOnTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Shows the effect and asks for confirmation.
 *
 * @throws CommandFailed unless the answer is yes
 */
export async function confirm(context: Context, { preview, question }: Question): Promise<void> {
  context.say(preview);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
  const answer = await Promise.race([prompt.question(`${question} [y/N] `), closed]);
  prompt.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailed(EXIT.unsuccessful, 'Nothing was changed');
}
