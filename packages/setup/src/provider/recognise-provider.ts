import { azure } from './azure.js';
import { cloudSql } from './cloud-sql.js';
import { digitalOcean } from './digitalocean.js';
import { heroku } from './heroku.js';
import { neon } from './neon.js';
import type { Address, Provider } from './provider.js';
import { rds } from './rds.js';
import { render } from './render.js';
import { selfManaged } from './self-managed.js';
import { supabase } from './supabase.js';

/** Every provider that is known by something; Heroku, whose hosts are Amazon's, before Amazon. */
export const PROVIDERS: readonly Provider[] = [
  neon,
  supabase,
  heroku,
  rds,
  cloudSql,
  azure,
  render,
  digitalOcean,
];

/** The roles that tell a provider. */
export const PROVIDER_ROLES: readonly string[] = PROVIDERS.flatMap(({ roles }) => roles);

/** Whose server it is: by the address, else by the roles that are there, else one's own. Pure. */
export function recogniseProvider(address: Address, roles: readonly string[]): Provider {
  return (
    PROVIDERS.find((provider) => provider.isAddress(address)) ??
    PROVIDERS.find((provider) => provider.roles.some((role) => roles.includes(role))) ??
    selfManaged
  );
}
