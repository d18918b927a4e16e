/**
 * Whom the authentication found: `request.user` where that is a text or number, otherwise its `id`, `sub` or `_id`. Never the whole object, which may
 * hold what nobody wants in an audit trail. `undefined` while nobody is known.
 */
export function user(request: object): unknown {
  const given = (request as { user?: unknown }).user;
  if (typeof given !== 'object' || given === null) return given;
  const { id, sub, _id } = given as { id?: unknown; sub?: unknown; _id?: unknown };
  const found = id ?? sub ?? _id;
  // An ObjectId and its like: what they say they are.
  return typeof found === 'object' && found !== null ? String(found) : found;
}
