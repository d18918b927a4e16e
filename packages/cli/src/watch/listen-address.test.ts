import { expect, it } from 'vitest';
import { parseListenAddress } from './listen-address.js';

it.each([
  ['9187', '127.0.0.1', 9187],
  ['127.0.0.1:9187', '127.0.0.1', 9187],
  ['0.0.0.0:1', '0.0.0.0', 1],
  ['[::1]:65535', '::1', 65_535],
  ['metrics.internal:80', 'metrics.internal', 80],
])('%j', (text, host, port) => {
  expect(parseListenAddress(text)).toEqual({ host, port });
});

it.each(['', ':9187', '0', '65536', '127.0.0.1', '::1:9187', 'http://127.0.0.1:9187', 'a b:1', '1:2:3'])(
  '%j is refused',
  (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  },
);
