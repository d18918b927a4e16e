import { createHash, randomBytes } from 'node:crypto';
import { prisma } from './prisma-client.js';

/** A new bearer token, and what the database keeps of it. */
export function makeToken() {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

/** Lets those in who send a token, and sets `request.user`. Anybody else is answered 401. */
export async function authenticate(request, response, next) {
  const [scheme, token] = request.get('authorization')?.split(' ') ?? [];
  const found =
    scheme === 'Bearer' && token
      ? await prisma.token.findUnique({ where: { hash: hashOf(token) }, include: { account: true } })
      : null;
  if (found === null) {
    response.status(401).json({ error: 'who are you?' });
    return;
  }
  request.user = found.account;
  next();
}

function hashOf(token) {
  return createHash('sha256').update(token).digest('hex');
}
