import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate authority of the test's own, and a certificate for 127.0.0.1 and localhost, made by openssl. */
export class Certificates {
  private readonly directory = mkdtempSync(join(tmpdir(), 'crucible-certificates-'));
  readonly caFile = this.path('ca.crt');
  readonly certificateFile = this.path('server.crt');
  readonly keyFile = this.path('server.key');

  constructor() {
    const authority = this.path('ca.key');
    const request = this.path('server.csr');
    const extensions = this.path('extensions');
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    openssl([
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      authority,
      '-out',
      this.caFile,
      '-subj',
      '/CN=test authority',
    ]);
    openssl(['req', ...newKey, '-keyout', this.keyFile, '-out', request, '-subj', '/CN=test server']);
    const signer = ['-CA', this.caFile, '-CAkey', authority, '-CAcreateserial', '-extfile', extensions];
    openssl(['x509', '-req', '-in', request, '-out', this.certificateFile, ...signer]);
  }

  /** For the command line of a Redis server that takes TLS alone, from clients and from other servers. */
  serverArgs(port: number): readonly string[] {
    const files = ['--tls-cert-file', this.certificateFile, '--tls-key-file', this.keyFile];
    const ports = ['--port', '0', '--tls-port', String(port), '--tls-replication', 'yes'];
    return [...ports, ...files, '--tls-ca-cert-file', this.caFile, '--tls-auth-clients', 'no'];
  }

  /** For a client that is to trust them. */
  get clientOptions(): { ca: Buffer } {
    return { ca: readFileSync(this.caFile) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  private path(name: string): string {
    return join(this.directory, name);
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
