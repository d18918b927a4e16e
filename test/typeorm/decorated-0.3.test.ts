import * as typeorm from 'typeorm-0.3';
import { decoratedCase } from './decorated-case.js';
import type { TypeOrm } from './versions.js';

decoratedCase('TypeORM 0.3', typeorm as unknown as TypeOrm);
