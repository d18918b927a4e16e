// Applies the migration. With a network it is `npx prisma migrate deploy`, which fetches Prisma's engine first; this needs none.
import fs from 'node:fs';
import pg from 'pg';

const MIGRATION = new URL('prisma/migrations/20260101000000_tables/migration.sql', import.meta.url);

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query(fs.readFileSync(MIGRATION, 'utf8'));
await client.end();
