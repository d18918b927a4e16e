export { requestId, user } from '@colophon/context/http';
export {
  ColophonModule,
  type ColophonModuleAsyncOptions,
  type ColophonOptionsFactory,
} from './colophon-module.js';
export { handler } from './handler.js';
export type { ColophonModuleOptions } from './options.js';
export type { PlatformRequest } from './platform-request.js';
export { endpoint, ip, method, type NestContextOptions, requestContext, route } from './request-context.js';
