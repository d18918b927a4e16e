import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { colophon } from '@colophon/express';
import busboy from 'busboy';
import type express from 'express';
import multer from 'multer';
import type { Author, Notes } from './notes.js';

type Request = express.Request;
type Response = express.Response;
type Next = express.NextFunction;

/** Lets a client wait for what happens in the server: `<request id>` once its handler runs, `<request id> <way>` once that was written. */
export const seen = new EventEmitter().setMaxListeners(0);

/** An application with every way of taking a body and of writing during a request, on any version of Express. */
export function createApp(express: typeof import('express'), notes: Notes): express.Express {
  const app = express();
  app.use(colophon());
  app.use((request: Request & { user?: unknown }, _response, next) => {
    request.user = request.get('x-user') && { id: request.get('x-user'), password: 'secret' };
    next();
  });
  const by = (request: IncomingMessage, endpoint: string): Author => ({
    test: String(request.headers['x-test']),
    request: String(request.headers['x-request-id']),
    who: request.headers['x-user'] as string | undefined,
    endpoint,
  });
  /** Writes without being waited for. */
  const post = async (request: IncomingMessage, endpoint: string, way: string) => {
    await notes.write(by(request, endpoint), way);
    seen.emit(`${request.headers['x-request-id']} ${way}`);
  };
  const writing = (endpoint: string, way: string) => async (request: Request, response: Response) => {
    seen.emit(String(request.headers['x-request-id']));
    await post(request, endpoint, way);
    response.json({ way });
  };

  app.put('/todos/:id', express.json(), writing('PUT /todos/:id', 'json'));
  app.post('/urlencoded', express.urlencoded({ extended: true }), writing('POST /urlencoded', 'urlencoded'));
  app.post('/raw', express.raw({ type: '*/*' }), writing('POST /raw', 'raw'));
  app.post('/text', express.text({ type: '*/*' }), writing('POST /text', 'text'));
  app.post('/multer', multer().single('file'), writing('POST /multer', 'multer'));
  app.post('/multer-late', (request, response, next) => {
    seen.emit(String(request.headers['x-request-id']));
    multer().any()(request, response, (error: unknown) => {
      if (error) return next(error);
      void writing('POST /multer-late', 'multer-late')(request, response);
    });
  });

  app.post('/busboy', (request, response, next) => {
    const parser = busboy({ headers: request.headers });
    const writes: Promise<unknown>[] = [];
    const note = (way: string) => writes.push(post(request, 'POST /busboy', way));
    parser.on('file', (_name, stream) => {
      note('busboy file');
      stream
        .once('data', () => note('busboy data'))
        .on('end', () => note('busboy end'))
        .resume();
    });
    parser.on('close', () => {
      note('busboy close');
      Promise.all(writes).then(() => response.json({}), next);
    });
    seen.emit(String(request.headers['x-request-id']));
    request.pipe(parser);
  });

  app.post('/events', (request, response, next) => {
    const writes: Promise<unknown>[] = [];
    const note = (way: string) => writes.push(post(request, 'POST /events', way));
    const removed = () => note('never');
    request.on('data', removed).once('end', removed);
    request.off('data', removed).removeListener('end', removed);
    request.once('data', () => note('once data'));
    request.on('data', () => note('data'));
    request.prependListener('end', () => note('end, before'));
    request.on('end', () => {
      note('end');
      Promise.all(writes).then(() => response.json({}), next);
    });
    response.on('finish', () => note('finish'));
    seen.emit(String(request.headers['x-request-id']));
  });

  app.post('/pipe', (request, response, next) => {
    const sink = new Writable({
      write: (_chunk, _encoding, done) =>
        void post(request, 'POST /pipe', 'pipe write').then(() => done(), done),
      final: (done) => void post(request, 'POST /pipe', 'pipe final').then(() => done(), done),
    });
    sink.on(
      'finish',
      () => void post(request, 'POST /pipe', 'pipe finish').then(() => response.json({}), next),
    );
    seen.emit(String(request.headers['x-request-id']));
    request.pipe(new PassThrough()).pipe(sink);
  });

  app.post('/pipeline', async (request, response) => {
    seen.emit(String(request.headers['x-request-id']));
    const transform = new Transform({
      transform: (chunk, _encoding, done) =>
        void post(request, 'POST /pipeline', 'transform').then(() => done(null, chunk), done),
    });
    await pipeline(request, transform, async (source) => {
      for await (const _ of source) await post(request, 'POST /pipeline', 'for await');
    });
    await post(request, 'POST /pipeline', 'after pipeline');
    response.json({});
  });

  app.get('/sse', async (request, response) => {
    response.set('content-type', 'text/event-stream').flushHeaders();
    request.on('close', () => void post(request, 'GET /sse', 'sse closed'));
    for (let event = 0; event < 3; event++) {
      await post(request, 'GET /sse', 'sse event');
      response.write(`data: ${event}\n\n`);
      // The client asks for the next by another request, as another user.
      await once(seen, `next ${request.headers['x-request-id']}`);
    }
    response.write('data: last\n\n');
  });
  app.post('/sse/:id/next', async (request, response) => {
    await post(request, 'POST /sse/:id/next', 'sse next');
    seen.emit(`next ${request.params.id}`);
    response.json({});
  });

  // Answers in parts, when the request named in x-after has been answered. With the last of a pipelined row answered first, all that
  // the others' responses still have to tell happens at the end of another's.
  app.get('/parts', async (request, response) => {
    const turn = once(seen, `answered ${request.headers['x-after']}`);
    response.on('finish', () => void post(request, 'GET /parts', 'parts finish'));
    response.on('close', () => void post(request, 'GET /parts', 'parts close'));
    response.on('drain', () => void post(request, 'GET /parts', 'parts drain'));
    await post(request, 'GET /parts', 'parts');
    if (request.headers['x-after'] !== undefined) await turn;
    response.write('x'.repeat(100_000), () => void post(request, 'GET /parts', 'parts written'));
    response.end('end', () => void post(request, 'GET /parts', 'parts ended'));
    seen.emit(`answered ${request.headers['x-request-id']}`);
  });

  app.post('/abort', (request) => {
    request.on('error', () => void post(request, 'POST /abort', 'abort error'));
    request.on('close', () => void post(request, 'POST /abort', 'abort close'));
    request.res?.on('close', () => void post(request, 'POST /abort', 'abort response close'));
    request.resume();
    seen.emit(String(request.headers['x-request-id']));
  });

  app.get('/throws/:how', (request, _response, next) => {
    if (request.params.how === 'now') throw new Error('thrown');
    if (request.params.how === 'later') return void setImmediate(() => next(new Error('handed on')));
    // Express 4 doesn't look at a promise.
    return void Promise.reject(new Error('rejected')).catch(next);
  });

  app.use((request: Request, response: Response) => {
    const { method } = request;
    void notes.write(by(request, method), 'not found').then(() => response.status(404).json({}));
  });
  app.use((error: Error, request: Request, response: Response, _next: Next) => {
    void notes
      .write(by(request, 'GET /throws/:how'), 'error')
      .then(() => response.status(500).json({ error: error.message }));
  });
  return app;
}
