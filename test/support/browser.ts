import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A real browser with a profile of its own, which goes with it. It notes what a page should never do. */
export class TestBrowser {
  /** Errors on the console, errors of scripts, breaches of the policy, and requests to other hosts. */
  readonly faults: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    private readonly directory: string,
  ) {
    context.on('page', (page) => this.follow(page));
    for (const page of context.pages()) this.follow(page);
  }

  static async start(): Promise<TestBrowser> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-chromium-'));
    const context = await chromium.launchPersistentContext(directory, {
      executablePath: EXECUTABLE,
      args: ARGUMENTS,
      headless: true,
      viewport: { width: 1440, height: 900 },
    });
    return new TestBrowser(context, directory);
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  private follow(page: Page): void {
    page.on('pageerror', (error) => this.faults.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      const isWorth = message.type() === 'error' || message.type() === 'warning';
      if (isWorth) this.faults.push(`${page.url()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol !== 'data:' && hostname !== '127.0.0.1') this.faults.push(`asked for ${request.url()}`);
    });
  }
}
