import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Block } from './document.blocks.js';
import { DOCUMENTED } from './document.player.js';
import { endServer, endWithParent } from './server-process.js';

/** Written with these, a block is a program that goes on until it is told to end. */
export const PROGRAMS: readonly string[] = ['python', 'ts'];

const ROOT = process.cwd();

/** A worker of a document, as a process. */
export class DocumentProgram {
  private printed = '';

  private constructor(private readonly child: ChildProcess) {
    endWithParent(child);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  /** Writes the block into a file of this directory, where it finds both libraries, and runs it. */
  static start({ language, text }: Block, directory: string, port: number): DocumentProgram {
    const source = text.replaceAll(DOCUMENTED, `localhost:${port}`);
    const isPython = language === 'python';
    const file = join(directory, isPython ? 'worker.py' : 'worker.mjs');
    writeFileSync(file, isPython ? source : javaScriptOf(source));
    const packages = join(directory, 'node_modules');
    mkdirSync(packages, { recursive: true });
    if (!existsSync(join(packages, 'crucible-queue'))) symlinkSync(ROOT, join(packages, 'crucible-queue'));
    const PYTHONPATH = join(ROOT, 'clients/python');
    const env = { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' };
    return new DocumentProgram(spawn(isPython ? 'python3' : process.execPath, [file], { env }));
  }

  /** @throws Error with what it printed when it does not end well after SIGTERM */
  async end(): Promise<void> {
    await endServer(this.child, 'SIGTERM');
    if (this.child.exitCode !== 0) throw new Error(`It ended with ${this.child.exitCode}:\n${this.printed}`);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

function javaScriptOf(source: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}
