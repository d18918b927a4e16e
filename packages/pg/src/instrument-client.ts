import { bindContext, runOutsideContext } from '@colophon/context';
import type { ContextText } from '@colophon/protocol';
import { bindToAsker } from './bind-to-asker.js';
import { ConnectionCarrier } from './connection-carrier.js';
import type { EmissionRights } from './emission-rights.js';
import type { WireShape } from './emission-shape.js';
import { type BackendMessage, type ClientLike, isPlain, queueOf, type Submittable } from './node-postgres.js';
import { keepQuery } from './original-query.js';
import type { Sign } from './sign-emissions.js';
import { classify } from './statement/classify.js';
import { NAMELESS } from './transaction-state.js';

/** What the clients of a pool have in common. */
export interface Instrumentation {
  readonly shape: WireShape;
  readonly capture: () => ContextText;
  readonly rights: EmissionRights;
  /** Null: nothing is signed. */
  readonly sign: Sign | null;
}

/** Own properties that shadow the prototype's, and how to take them away again. */
type Undo = () => void;

/** Hooks a client: its queue, where a query is asked for and submitted, and its connection, where messages pass. Gives the way back. */
export function hookClient(client: ClientLike, instrumentation: Instrumentation): Undo {
  // The replication protocol has no emissions and no extended queries.
  if (client.replication) return () => {};
  const carrier = new ConnectionCarrier(
    client,
    instrumentation.rights,
    instrumentation.shape,
    instrumentation.sign,
  );
  const undoQueue = hookQueue(client, carrier, instrumentation.capture);
  const undoConnection = hookConnection(carrier);
  const undoConnect = hookConnect(client);
  return () => {
    undoQueue();
    undoConnect();
    // Answers to what is under way still have to be told apart.
    carrier.whenQuiet(undoConnection);
  };
}

/** `push` runs within `query()`: whose context. `shift` runs right before `submit`: what state the transaction is in. */
function hookQueue(client: ClientLike, carrier: ConnectionCarrier, capture: () => ContextText): Undo {
  const queue = queueOf(client);
  const contexts = new WeakMap<Submittable, ContextText>();
  for (const query of queue) contexts.set(query, NAMELESS);
  let isHandedIn = false;
  const undoPush = shadow(queue, 'push', (push) => (query: Submittable) => {
    bindToAsker(query, isHandedIn);
    if (!isPlainRead(query, carrier)) contexts.set(query, capture());
    return push.call(queue, query);
  });
  const undoShift = shadow(queue, 'shift', (shift) => () => {
    const query = shift.call(queue);
    if (query !== undefined) {
      const context = contexts.get(query);
      if (context !== undefined) contexts.delete(query);
      carrier.arm(query, context ?? (client.pipeline === true ? NAMELESS : null));
      const instead = carrier.heldBack();
      if (instead !== null) {
        const undoSubmit = shadow(query, 'submit', () => () => {
          undoSubmit();
          instead();
        });
      }
    }
    return query;
  });
  const undoQuery = shadow(client, 'query', (query) => (...args: unknown[]) => {
    const before = isHandedIn;
    isHandedIn = typeof (args[0] as Submittable | undefined)?.submit === 'function';
    try {
      return query.apply(client, args);
    } finally {
      isHandedIn = before;
    }
  });
  return () => {
    undoPush();
    undoShift();
    undoQuery();
  };
}

/** One statement that certainly writes nothing needs nothing but its callback bound. */
function isPlainRead(query: Submittable, carrier: ConnectionCarrier): boolean {
  if (typeof query.text !== 'string' || !isPlain(query)) return false;
  const { single, statements, confident } = classify(query.text, carrier.standardConformingStrings);
  return single && confident && statements[0]!.kind === 'read' && statements[0]!.effect === undefined;
}

function hookConnection(carrier: ConnectionCarrier): Undo {
  const { connection } = carrier;
  keepQuery(connection, connection.query);
  const undo: Undo[] = [
    shadow(connection, 'parse', (parse) => (query, more) => {
      if (carrier.isArmed) carrier.beginExtended(query.text);
      return parse.call(connection, query, more);
    }),
    shadow(connection, 'bind', (bind) => (config, more) => {
      if (carrier.isArmed) carrier.beginExtended(parsedText(carrier, config.statement));
      return bind.call(connection, config, more);
    }),
    shadow(connection, 'execute', (execute) => (config, more) => {
      carrier.countExecute();
      return execute.call(connection, config, more);
    }),
    shadow(connection, 'sync', (sync) => () => {
      carrier.beforeSync();
      return sync.call(connection);
    }),
    shadow(connection, 'query', (query) => (text) => {
      if (carrier.isArmed && carrier.sendText(text)) return undefined;
      return query.call(connection, text);
    }),
    shadow(
      connection,
      'emit',
      (emit) =>
        function watched(event: string, message?: unknown, ...more: unknown[]): boolean {
          if (takesMessage(carrier, event, message as BackendMessage)) return true;
          if (isUnasked(event)) return runOutsideContext(() => emit.call(connection, event, message));
          return more.length === 0
            ? emit.call(connection, event, message)
            : emit.call(connection, event, message, ...more);
        },
    ),
  ];
  return () => {
    for (const step of undo) step();
  };
}

/**
 * Whether nobody asked for it. A connection that was open before it was instrumented has these, too, in the context of who opened it; what
 * belongs to a query (its error) is bound to its asker.
 */
function isUnasked(event: string): boolean {
  switch (event) {
    case 'notice':
    case 'notification':
    case 'error':
    case 'errorMessage':
    case 'end':
      return true;
    default:
      return false;
  }
}

/** Whether it is an answer to a message of ours. */
function takesMessage(carrier: ConnectionCarrier, event: string, message: BackendMessage): boolean {
  switch (event) {
    case 'message':
      return carrier.foresees(message);
    case 'end':
      carrier.close();
      return false;
    case 'commandComplete':
      carrier.watchTag(message.text);
      return carrier.take(event, message);
    case 'parseComplete':
    case 'bindComplete':
    case 'noData':
    case 'dataRow':
    case 'rowDescription':
    case 'emptyQuery':
    case 'portalSuspended':
    case 'errorMessage':
    case 'notice':
    case 'parameterStatus':
    case 'readyForQuery':
      return carrier.take(event, message);
    default:
      return false;
  }
}

/** The text of a statement that was prepared by name earlier. */
function parsedText(carrier: ConnectionCarrier, name: string | undefined): string | undefined {
  const { parsedStatements, submittedNamedStatements } = carrier.connection;
  return name === undefined ? undefined : (parsedStatements[name] ?? submittedNamedStatements?.[name]);
}

/** Opens the connection outside any context: what happens on it later belongs to nobody, or to who asked for it. */
function hookConnect(client: ClientLike): Undo {
  return shadow(client, 'connect', (connect) => (callback) => {
    const bound = callback === undefined ? undefined : bindContext(callback);
    return runOutsideContext(() =>
      bound === undefined ? connect.call(client) : connect.call(client, bound),
    );
  });
}

/** Puts an own property before a method; the result takes it away again. Not enumerable: who prints the object sees what was there before. */
export function shadow<Target extends object, Key extends keyof Target>(
  target: Target,
  key: Key,
  wrap: (original: Target[Key]) => Target[Key],
): Undo {
  const own = Object.getOwnPropertyDescriptor(target, key);
  const value = wrap(target[key]);
  Object.defineProperty(target, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    // Somebody else has wrapped it since: ours stays underneath.
    if (target[key] !== value) return;
    if (own === undefined) delete target[key];
    else Object.defineProperty(target, key, own);
  };
}
