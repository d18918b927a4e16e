import type { Layer } from './express-router.js';

/** How `use` was given the path at which something is mounted, and what of a request's path it takes. */
export interface Mount {
  readonly pattern: string;
  readonly taken: string;
}

/** `undefined` where `layer` doesn't match the beginning of `path`. Never throws, and leaves the layer as it is. */
export function mountPattern(layer: Layer, path: string): Mount | undefined {
  if (layer.slash === true || layer.regexp?.fast_slash === true) return { pattern: '', taken: '' };
  try {
    return layer.regexp ? byExpression(layer, layer.regexp, path) : byMatcher(layer, path);
  } catch {
    // A part of the path that can't be decoded.
    return undefined;
  }
}

/** Express 4 keeps only the expression: its groups, found in the path, become their names again. */
function byExpression(layer: Layer, regexp: RegExp, path: string): Mount | undefined {
  const match = new RegExp(regexp.source, `${regexp.flags.replace(/[dgy]/g, '')}d`).exec(path);
  if (match?.index !== 0) return undefined;
  const taken = match[0];
  let pattern = '';
  let end = 0;
  match.indices?.slice(1).forEach((range, i) => {
    if (range === undefined || range[0] < end) return;
    pattern += `${taken.slice(end, range[0])}:${layer.keys?.[i]?.name ?? i}`;
    end = range[1];
  });
  return mount(pattern + taken.slice(end), taken);
}

function byMatcher(layer: Layer, path: string): Mount | undefined {
  for (const [i, matcher] of (layer.matchers ?? []).entries()) {
    const match = matcher(path);
    if (match === false) continue;
    const taken = match.path;
    const paths = [layer.rawPath ?? layer.route?.path].flat(Number.POSITIVE_INFINITY);
    const given = paths[paths.length > 1 ? i : 0];
    if (given !== undefined) return mount(String(given), taken);
    return mount(byProbing(matcher, taken, Object.keys(match.params).length), taken);
  }
  return undefined;
}

const PROBE = 'colophon-probe';

/** Express 5.0 to 5.2 keep neither path nor expression: a segment in whose place something else matches too is a parameter. */
function byProbing(
  matcher: NonNullable<Layer['matchers']>[number],
  taken: string,
  parameters: number,
): string {
  if (parameters === 0) return taken;
  let found = 0;
  const segments = taken.split('/');
  const pattern = segments.map((segment, i) => {
    if (segment === '') return segment;
    const match = matcher(segments.with(i, PROBE).join('/'));
    if (match === false) return segment;
    const name = Object.keys(match.params).find((key) => match.params[key] === PROBE);
    if (name === undefined) return '*';
    found++;
    return `:${name}`;
  });
  // A parameter within a segment can't be told from the text around it: better no path than a client's.
  return found === parameters ? pattern.join('/') : '/*';
}

function mount(pattern: string, taken: string): Mount {
  return { pattern: pattern.replace(/\/$/, ''), taken: taken.replace(/\/$/, '') };
}
