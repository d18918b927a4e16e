import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes certificates by openssl in a folder. */
export class Authority {
  readonly #folder: string;
  readonly #name: string;

  /** An authority of this name, whose certificate is `file`. */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    );
  }

  get file(): string {
    return path.join(this.#folder, `${this.#name}.crt`);
  }

  /** A server's certificate and key, for this host. With days below 0 it has expired. Gives the names of the files. */
  issue(name: string, host: string, days = 1): { cert: string; key: string } {
    const files = {
      cert: path.join(this.#folder, `${name}.crt`),
      key: path.join(this.#folder, `${name}.key`),
    };
    this.#openssl('req', ...KEY, '-keyout', files.key, '-out', `${name}.csr`, '-subj', `/CN=${host}`);
    fs.writeFileSync(
      path.join(this.#folder, `${name}.ext`),
      `subjectAltName=${/^\d/.test(host) ? 'IP' : 'DNS'}:${host}`,
    );
    this.#openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${this.#name}.crt`,
      '-CAkey',
      `${this.#name}.key`,
      '-CAcreateserial',
      '-days',
      String(days),
      '-extfile',
      `${name}.ext`,
      '-out',
      files.cert,
    );
    // PostgreSQL reads a key only where nobody else may.
    fs.chmodSync(files.key, 0o600);
    const { uid, gid } = fs.statSync(this.#folder);
    for (const file of Object.values(files)) fs.chownSync(file, uid, gid);
    return files;
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
