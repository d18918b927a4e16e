export { requestId, user } from '@colophon/context/http';
export { type ColophonOptions, colophon } from './colophon.js';
export type { ConnectRequest, Middleware } from './connect.js';
export { ip, requestContext } from './request-context.js';
export { endpoint, method, route } from './route.js';
