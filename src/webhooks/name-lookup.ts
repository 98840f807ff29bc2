import { ADDRCONFIG, lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** A function like `dns.lookup`. */
type AskSystem = (
  host: string,
  options: { readonly all: true; readonly hints: number },
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

export interface NameLookupOptions {
  readonly hostsFile?: string;
  /** Name servers as `address:port`; by default those of the system. */
  readonly servers?: readonly string[];
  /** Milliseconds for the first try; the second try has twice as long. */
  readonly timeoutMs?: number;
  readonly askSystem?: AskSystem;
}

const TRIES = 2;
const TIMEOUT_MS = 2_000;
/** Concurrent system lookups: half of the process's threads, as LMDB commits use the others. */
const SYSTEM_AT_ONCE = 2;
/** The maximum number of lookups that wait for a thread; further ones fail. */
const SYSTEM_WAITING = 128;
/** If a name server does not answer now, the system lookup would time out as well. */
const SILENCE: ReadonlySet<string | undefined> = new Set(['ETIMEOUT', 'ECANCELLED']);

/**
 * Resolves names that clients choose.
 *
 * `dns.lookup` occupies one of the four threads of the process until the name servers answer, and LMDB commits use the
 * same threads. A few names with silent name servers would block every write. So the hosts file and DNS are queried
 * without a thread. Only names unknown to both go to the system, which also searches domains and asks mDNS.
 */
export class NameLookup {
  private readonly hosts: HostsFile;
  private readonly servers: readonly string[] | undefined;
  private readonly timeout: number;
  private readonly askSystem: AskSystem;
  private asking = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(options: NameLookupOptions = {}) {
    this.hosts = new HostsFile(options.hostsFile ?? '/etc/hosts');
    this.servers = options.servers;
    this.timeout = options.timeoutMs ?? TIMEOUT_MS;
    this.askSystem = options.askSystem ?? lookup;
  }

  /**
   * All addresses of a name, at least one.
   *
   * @throws Error with a `code`
   */
  async find(host: string, family: LookupOptions['family'] = 0): Promise<readonly LookupAddress[]> {
    const isWanted = ({ family: each }: LookupAddress) => family === 0 || `${family}`.endsWith(`${each}`);
    const noted = this.hosts.find(host).filter(isWanted);
    if (noted.length > 0) return noted;
    const found = ((await this.fromDns(host)) ?? (await this.fromSystem(host))).filter(isWanted);
    if (found.length > 0) return found;
    throw Object.assign(new Error(`${host} has no address of this family`), { code: 'ENOTFOUND' });
  }

  /** `undefined` for a name that is not in the DNS. */
  private async fromDns(host: string): Promise<LookupAddress[] | undefined> {
    // Created per lookup: the name servers of the system may have changed.
    const resolver = new Resolver({ timeout: this.timeout, tries: TRIES });
    if (this.servers !== undefined) resolver.setServers(this.servers);
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found.map((address) => ({ address, family: isIP(address) }));
    for (const answer of answers) {
      if (answer.status === 'rejected' && SILENCE.has((answer.reason as NodeJS.ErrnoException).code))
        throw answer.reason;
    }
    return undefined;
  }

  private async fromSystem(host: string): Promise<LookupAddress[]> {
    if (this.asking >= SYSTEM_AT_ONCE) {
      if (this.waiting.length >= SYSTEM_WAITING)
        throw Object.assign(new Error('Too many names are being looked up'), { code: 'EAI_AGAIN' });
      // A finished lookup passes its place on.
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.asking += 1;
    try {
      return await new Promise((resolve, reject) => {
        this.askSystem(host, { all: true, hints: ADDRCONFIG }, (error, found) => {
          if (error) reject(error);
          else resolve(found);
        });
      });
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.asking -= 1;
      else next();
    }
  }
}

/** The names in a hosts file, which is reread after changes. */
class HostsFile {
  private readAt = NaN;
  private addresses = new Map<string, LookupAddress[]>();

  constructor(private readonly path: string) {}

  find(host: string): readonly LookupAddress[] {
    this.refresh();
    return this.addresses.get(host.toLowerCase().replace(/\.$/, '')) ?? [];
  }

  private refresh(): void {
    try {
      const { mtimeMs } = statSync(this.path);
      if (mtimeMs === this.readAt) return;
      this.addresses = namesIn(readFileSync(this.path, 'utf8'));
      this.readAt = mtimeMs;
    } catch {
      // Missing or unreadable: the system lookup decides.
      this.addresses = new Map();
      this.readAt = NaN;
    }
  }
}

function namesIn(text: string): Map<string, LookupAddress[]> {
  const names = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      const known = names.get(name) ?? [];
      if (!known.some((each) => each.address === address)) known.push({ address, family });
      names.set(name, known);
    }
  }
  return names;
}
