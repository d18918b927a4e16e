import type { CanActivate, ExecutionContext } from '@nestjs/common';

const handlers = new WeakMap<object, string>();

/** Controller and method that answer this request, `TodosController.update`; `undefined` until Nest has come to its guards, and where nothing answers. */
export function handler(request: object): string | undefined {
  return handlers.get(request);
}

/** Stops nobody: guards are the first to whom Nest tells which handler it has chosen. */
export class HandlerGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    if (execution.getType() === 'http') {
      const request = execution.switchToHttp().getRequest<object>();
      handlers.set(request, `${execution.getClass().name}.${execution.getHandler().name}`);
    }
    return true;
  }
}
