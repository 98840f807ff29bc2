import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificates } from './certificates.js';
import { freePort } from './free-port.js';
import { endServer, launchServer, StartFailure } from './server-process.js';

const EXAMPLE = new URL('../../deploy/proxy/nginx.conf', import.meta.url);

/** A real nginx with the configuration that the project ships, in a directory of its own. */
export class Nginx {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param upstream the port of the service */
  static async start(upstream: number, certificates: Certificates): Promise<Nginx> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-nginx-'));
    const port = await freePort();
    const example = await readFile(EXAMPLE, 'utf8');
    const site = example
      .replace('127.0.0.1:8081', `127.0.0.1:${upstream}`)
      .replace('listen 443', `listen 127.0.0.1:${port}`)
      .replace('/etc/ssl/queue.example.pem', certificates.certificateFile)
      .replace('/etc/ssl/queue.example.key', certificates.keyFile);
    await writeFile(join(directory, 'nginx.conf'), mainConfiguration(site));
    try {
      const child = await launchServer({
        // It writes to stderr; its signals reach it, as the shell becomes it.
        command: 'sh',
        args: [
          '-c',
          'exec /usr/sbin/nginx "$@" 2>&1',
          'nginx',
          '-p',
          directory,
          '-c',
          'nginx.conf',
          '-e',
          'stderr',
        ],
        // Printed when the ports are open.
        readyLine: 'getrlimit(RLIMIT_NOFILE)',
      });
      return new Nginx(port, directory, child);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      // Another process was quicker to use the free port.
      if (error instanceof StartFailure && error.message.includes('in use')) {
        return Nginx.start(upstream, certificates);
      }
      throw error;
    }
  }

  async stop(): Promise<void> {
    await endServer(this.child, 'SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** One process, so that none outlives a test that is killed; all files in its directory. */
function mainConfiguration(site: string): string {
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${site}
}
`;
}
