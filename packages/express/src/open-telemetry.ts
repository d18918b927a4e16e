import type { SpanIds } from '@colophon/context/http';

type OpenTelemetry = typeof import('@opentelemetry/api');

let api: OpenTelemetry | null | undefined;

/** The ids of the span that is active here; `undefined` without OpenTelemetry, or where there is none. */
export function activeSpan(): SpanIds | undefined {
  api ??= load();
  const span = api?.trace.getSpanContext(api.context.active());
  return span && api?.isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : undefined;
}

function load(): OpenTelemetry | null {
  try {
    return require('@opentelemetry/api') as OpenTelemetry;
  } catch {
    return null;
  }
}
