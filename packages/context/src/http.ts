// What the adapters for web frameworks have in common.
export {
  type RequestContextOptions,
  type RequestParts,
  requestContextOf,
  type SpanIds,
} from './http/request-context.js';
export { requestId, type WithHeaders } from './http/request-id.js';
export { type GivenContext, type RequestRun, runRequest } from './http/run-request.js';
export { user } from './http/user.js';
