import { ColophonError } from '@colophon/protocol';
import { openTelemetry } from './open-telemetry.js';

type Attributes = Readonly<Record<string, string | number>>;

/** A piece of work that may be watched as a span of OpenTelemetry. Ends once; what comes after counts no more. */
export interface TracedWork {
  /** Does a part of it; what that part traces itself becomes the span's child. */
  within<T>(part: () => T): T;
  /** It went well. */
  end(attributes?: Attributes): void;
  /** It went wrong. */
  fail(error: unknown): void;
}

const UNTRACED: TracedWork = { within: (part) => part(), end() {}, fail() {} };

const TRACER = '@colophon/core';

/**
 * Begins a span, `colophon.connect` or `colophon.flush`. Nothing but the work itself where the application has no
 * `@opentelemetry/api`. Attributes and failures are names, numbers and codes: never row data, context or a message.
 */
export function traceWork(name: 'colophon.connect' | 'colophon.flush', attributes: Attributes): TracedWork {
  const api = openTelemetry();
  if (api === null) return UNTRACED;
  const { trace, context, SpanStatusCode } = api;
  const span = trace.getTracer(TRACER).startSpan(name, { attributes });
  const own = trace.setSpan(context.active(), span);
  return {
    within: (part) => context.with(own, part),
    end(more = {}) {
      span.setAttributes(more);
      span.end();
    },
    fail(error) {
      const code = error instanceof ColophonError ? error.code : 'SINK_FAILED';
      span.setAttribute('error.type', code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: code });
      span.end();
    },
  };
}
