import type { Advice } from '../diagnose/fix.js';

/** Who runs the server. */
export type ProviderId =
  | 'neon'
  | 'supabase'
  | 'rds'
  | 'cloud-sql'
  | 'azure'
  | 'render'
  | 'digitalocean'
  | 'heroku'
  | 'self-managed';

/** Where a connection goes, without its password. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** A setting of the server that is to be another. */
export interface SettingWish {
  /** PostgreSQL's own name. */
  readonly name: string;
  readonly value: string;
  /** Whether it counts from the next start on only. */
  readonly needsRestart: boolean;
}

/** What differs from provider to provider, each answer in its own words. The same members in each file. */
export interface Provider {
  readonly id: ProviderId;
  /** As people call it. */
  readonly name: string;
  /** Whether the address is one of its servers. */
  isAddress(address: Address): boolean;
  /** Roles that only its servers have. */
  readonly roles: readonly string[];
  /** How a setting of the server is changed; `wal_level` under the name that the provider has for it. */
  setting(wish: SettingWish): Advice;
  /** How a role is given replication. */
  replication(role: string): Advice;
  /** Whether the address is one of its poolers. */
  isPooler(address: Address): boolean;
  /** Where the server itself answers, for the address of its pooler; null where that isn't known. */
  direct(address: Address): Address | null;
  /** Where the direct address is found. */
  readonly directWords: string;
  /** What to do where this machine has no IPv6. */
  readonly ipv4: string;
  /** Where addresses are let in. */
  readonly allowList: string;
  /** Who may make event triggers; null: nobody but the provider. */
  readonly eventTriggers: string | null;
  /** The `sslmode` that fits, and where the authority's certificate comes from. */
  readonly tls: TlsAdvice;
}

/** How a provider's certificate is verified. */
interface TlsAdvice {
  /** Whether its authority is one that Node knows by itself. */
  readonly isKnownAuthority: boolean;
  /** Where the authority's certificate is found. */
  readonly words: string;
}
