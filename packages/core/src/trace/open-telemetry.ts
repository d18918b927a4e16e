type OpenTelemetry = typeof import('@opentelemetry/api');

let api: OpenTelemetry | null | undefined;

/** OpenTelemetry's API where the application has it, else null. Without an SDK registered its spans are empty. */
export function openTelemetry(): OpenTelemetry | null {
  if (api === undefined) api = load();
  return api;
}

function load(): OpenTelemetry | null {
  try {
    return require('@opentelemetry/api') as OpenTelemetry;
  } catch {
    return null;
  }
}
