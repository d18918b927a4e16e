// Reads a slot up to an LSN with node-postgres and drops what it reads: the least that any Node consumer must do.
import pg from 'pg';

const [url, slot, end] = process.argv.slice(2);
const [high, low] = end.split('/').map((half) => Number.parseInt(half, 16));
const target = (BigInt(high) << 32n) | BigInt(low);

const client = new pg.Client({ connectionString: url, replication: 'database' });
await client.connect();
client.connection.on('copyData', ({ chunk }) => {
  // 'w': XLogData, 'k': keepalive; both begin with a position in the WAL.
  const at = chunk.readBigUInt64BE(1);
  if (at >= target) process.exit(0);
});
client
  .query(
    `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names 'colophon', messages 'true')`,
  )
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
