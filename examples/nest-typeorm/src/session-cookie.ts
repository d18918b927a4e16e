import { createHmac, timingSafeEqual } from 'node:crypto';

const SECRET = process.env.SESSION_SECRET ?? '';
const LIFETIME_S = 8 * 3600;

/** A `Set-Cookie` header that says who is signed in, signed so that nobody else can say it. */
export function sessionCookie(accountId: number): string {
  if (SECRET === '') throw new Error('SESSION_SECRET is not set');
  const claim = `${accountId}.${Math.floor(Date.now() / 1000) + LIFETIME_S}`;
  return `session=${claim}.${sign(claim)}; Max-Age=${LIFETIME_S}; Path=/; HttpOnly; SameSite=Lax`;
}

/** The account that a request's `Cookie` header says, or undefined where it isn't there, isn't ours or is too old. */
export function signedInAccount(cookies: string | undefined): number | undefined {
  const [, claim, signature] = /(?:^|; )session=(\d+\.\d+)\.([\w-]+)/.exec(cookies ?? '') ?? [];
  if (SECRET === '' || claim === undefined || signature === undefined) return undefined;
  const [given, wanted] = [Buffer.from(signature), Buffer.from(sign(claim))];
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const [accountId, expires] = claim.split('.').map(Number) as [number, number];
  return Date.now() / 1000 < expires ? accountId : undefined;
}

function sign(claim: string): string {
  return createHmac('sha256', SECRET).update(claim).digest('base64url');
}
