// biome-ignore-all lint/complexity/noCommaOperator: a scenario is a list of what it does.
// Each scenario says what it saw; the test compares what cls-hooked and the drop-in let it see.
const { EventEmitter } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');

const tick = () => new Promise((resolve) => setImmediate(resolve));
const message = (fn) => {
  try {
    return ['gave', fn()];
  } catch (error) {
    return ['threw', String(error?.message ?? error).split('\n')[0]];
  }
};

const scenarios = {
  async outside(cls) {
    const ns = cls.createNamespace('n');
    return [
      ns.get('a'),
      ns.active,
      ns._set.length,
      message(() => ns.set('a', 1)),
      ns._indent,
      ns._contexts.size,
    ];
  },
  async management(cls) {
    const seen = [message(() => cls.createNamespace()), message(() => cls.destroyNamespace('none'))];
    const ns = cls.createNamespace('n');
    seen.push(ns.name, cls.getNamespace('n') === ns, process.namespaces.n === ns, !!ns.id, cls.ERROR_SYMBOL);
    cls.destroyNamespace('n');
    seen.push(cls.getNamespace('n'));
    process.namespaces = {};
    cls.createNamespace('m');
    cls.reset();
    return [...seen, Object.keys(process.namespaces), cls.getNamespace('m')];
  },
  async nesting(cls) {
    const ns = cls.createNamespace('n');
    const seen = [];
    const returned = ns.run((outer) => {
      ns.set('v', 1);
      ns.run((inner) => {
        seen.push(ns.get('v'), ns._set.length, Object.getPrototypeOf(inner) === outer, inner._ns_name);
        ns.set('v', 2);
        ns.run(() => seen.push(ns.get('v'), ns.set('v', 3), ns._set.length));
        seen.push(ns.get('v'));
      });
      seen.push(ns.get('v'), ns.active === outer, outer.v);
    });
    return [seen, returned.v, ns.active, ns.runAndReturn((context) => context === ns.active && 7)];
  },
  async asynchronous(cls) {
    const ns = cls.createNamespace('n');
    const one = (value) =>
      new Promise((resolve) =>
        ns.run(async () => {
          ns.set('v', value);
          const seen = [];
          await null;
          seen.push(ns.get('v'), ns._set.length);
          await tick();
          seen.push(ns.get('v'));
          await new Promise((done) => process.nextTick(() => (seen.push(ns.get('v')), done())));
          await new Promise((done) => setTimeout(() => (seen.push(ns.get('v')), done()), 1));
          await new Promise((done) => {
            let count = 0;
            const interval = setInterval(() => {
              seen.push(ns.get('v'));
              if (++count === 2) done(clearInterval(interval));
            }, 1);
          });
          await Promise.resolve()
            .then(() => Promise.resolve())
            .then(() => seen.push(ns.get('v')));
          await require('node:fs/promises').stat('.');
          require('node:fs').stat('.', () => {
            seen.push(ns.get('v'));
            require('node:crypto').randomBytes(4, () => {
              seen.push(ns.get('v'));
              require('node:zlib').deflate('x', () => resolve([...seen, ns.get('v')]));
            });
          });
        }),
      );
    return Promise.all([one(1), one(2), one(3)]);
  },
  async convention(cls) {
    const ns = cls.createNamespace('n');
    let promise;
    ns.run(() => {
      ns.set('v', 2);
      promise = new Promise((resolve) => ns.run(() => (ns.set('v', 1), resolve())));
    });
    return new Promise((resolve) => ns.run(() => (ns.set('v', 3), promise.then(() => resolve(ns.get('v'))))));
  },
  async bind(cls) {
    const ns = cls.createNamespace('n');
    const seen = [];
    const free = ns.bind(function (x) {
      seen.push(this?.me, x, ns.get('v'));
      ns.set('v', x);
    });
    free.call({ me: 'this' }, 1);
    free.call({ me: 'this' }, 2);
    const context = ns.createContext();
    context.v = 'given';
    const given = ns.bind(() => ns.get('v'), context);
    const active = ns.runAndReturn(() => (ns.set('v', 'active'), ns.bind(() => ns.get('v'))));
    return [seen, given(), active(), ns.runAndReturn(() => [given(), active()]), ns.active];
  },
  async enterExit(cls) {
    const ns = cls.createNamespace('n');
    const one = ns.createContext();
    const two = ns.createContext();
    const seen = [message(() => ns.exit(one)), message(() => ns.enter()), message(() => ns.exit())];
    ns.enter(one);
    ns.enter(two);
    seen.push(ns._set.length, ns.active === two);
    ns.exit(one);
    seen.push(ns._set.length, ns.active === two);
    ns.exit(two);
    seen.push(ns._set.length, ns.active);
    ns.enter(one);
    ns.run(() => {
      seen.push(ns._set.length);
      ns.exit(one);
      seen.push(ns._set.length);
    });
    seen.push(ns.active, ns._set.length);
    return seen;
  },
  async errors(cls) {
    const ns = cls.createNamespace('n');
    const seen = [];
    ns.run(() => {
      ns.set('v', 'outer');
      for (const call of [
        (fn) => ns.run(fn),
        (fn) => ns.runAndReturn(fn),
        (fn) => ns.bind(fn, ns.createContext())(),
      ]) {
        const error = new Error('x');
        const thrown = message(() =>
          call(() => {
            ns.set('v', 'inner');
            throw error;
          }),
        );
        seen.push(thrown, ns.fromException(error).v, error['error@context'].v, ns.get('v'));
      }
      try {
        ns.run(() => {
          throw null;
        });
      } catch (error) {
        seen.push(error, ns.get('v'));
      }
    });
    const error = new Error('later');
    await ns.runPromise(async () => (ns.set('v', 'p'), Promise.reject(error))).catch(() => {});
    return [...seen, ns.fromException(error).v];
  },
  async runPromise(cls) {
    const ns = cls.createNamespace('n');
    const result = await ns.runPromise(async (context) => {
      ns.set('v', 1);
      await tick();
      return [ns.get('v'), context.v, ns.active === context];
    });
    return [result, message(() => cls.createNamespace('m').runPromise(() => 1))];
  },
  async emitter(cls) {
    const ns = cls.createNamespace('n');
    const ee = new EventEmitter();
    const seen = [];
    const listener = () => seen.push(['on', ns.get('v')]);
    const bad = () => {
      throw new Error('bad');
    };
    ee.on('before', () => seen.push(['before', ns.get('v')]));
    ns.run(() => {
      ns.set('v', 1);
      ns.bindEmitter(ee);
      ee.on('e', listener);
      ee.once('e', () => seen.push(['once', ns.get('v')]));
      ee.on('bad', bad);
    });
    ee.on('e', () => seen.push(['later', ns.get('v')]));
    ns.run(() => {
      ns.set('v', 2);
      seen.push(ee.emit('e', 1), ee.emit('e'), ee.emit('before'), ee.emit('none'));
    });
    ee.emit('e');
    seen.push(
      message(() => ee.emit('bad')),
      ee._events.bad === bad,
      !!ee.removeListener.__wrapped,
    );
    seen.push(!!ee.on.__wrapped, !!ee.addListener.__wrapped, !!ee.emit.__wrapped, ee.listenerCount('e'));
    seen.push(Object.keys(bad['cls@contexts']), bad['cls@contexts']['context@n'].context.v);
    ee.on('e', function selfish() {
      ee.removeListener('e', selfish);
      ee.removeListener('e', listener);
      seen.push('removed', ns.get('v'));
    });
    ee.emit('e');
    ee.emit('e');
    return [seen, ee.listenerCount('e'), message(() => ns.bindEmitter({}))];
  },
  async emitterOfSeveralNamespaces(cls) {
    const [a, b] = [cls.createNamespace('a'), cls.createNamespace('b')];
    const ee = new EventEmitter();
    const seen = [];
    a.bindEmitter(ee);
    b.bindEmitter(ee);
    a.run(() =>
      b.run(() => {
        a.set('v', 1);
        b.set('v', 2);
        ee.on('e', () => seen.push(a.get('v'), b.get('v')));
      }),
    );
    ee.emit('e');
    return seen;
  },
  async sockets(cls) {
    const ns = cls.createNamespace('n');
    const seen = {};
    await new Promise((resolve) =>
      ns.run(() => {
        ns.set('v', 'server');
        const server = net.createServer((socket) => {
          seen.connection = ns.get('v');
          socket.on('data', () => (socket.end('bye'), server.close()));
        });
        server.listen(0, () =>
          ns.run(() => {
            ns.set('v', 'client');
            const client = net.connect(server.address().port, () => {
              seen.connect = ns.get('v');
              client.on('data', () => (seen.data = ns.get('v')));
              client.on('close', resolve);
              client.write('hello');
            });
          }),
        );
      }),
    );
    return seen;
  },
  async web(cls) {
    const ns = cls.createNamespace('n');
    const server = http.createServer((request, response) => {
      ns.run(async () => {
        ns.set('v', request.url);
        ns.bindEmitter(request);
        await tick();
        request.on('end', () => setTimeout(() => response.end(ns.get('v')), 2)).resume();
      });
    });
    await once(server.listen(0), 'listening');
    const { port } = server.address();
    const urls = Array.from({ length: 30 }, (_, i) => `/${i}`);
    const seen = await Promise.all(
      urls.map(async (url) => (await fetch(`http://127.0.0.1:${port}${url}`)).text()),
    );
    server.close();
    server.closeAllConnections();
    return [seen, ns.active];
  },
};

const [, , library, name] = process.argv;
if (library === undefined) module.exports = Object.keys(scenarios);
else {
  const cls = require(library);
  scenarios[name](cls).then((seen) =>
    process.stdout.write(JSON.stringify(seen, (_, v) => (v === undefined ? 'undefined' : v))),
  );
}
