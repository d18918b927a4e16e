export { bindContext } from './bind-context.js';
export type { Carrier } from './carrier.js';
export type { ClsNamespace } from './cls-carrier.js';
export { clsCarrier } from './cls-carrier.js';
export type { Context } from './context.js';
export type { ContextErrorCode } from './context-error.js';
export { ContextError } from './context-error.js';
export { currentContext, mergeContext, runOutsideContext, runWithContext } from './run-with-context.js';
export { asyncLocalStorageCarrier, setCarrier } from './set-carrier.js';
