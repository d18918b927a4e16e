import * as typeorm from 'typeorm';
import { decoratedCase } from './decorated-case.js';

decoratedCase('TypeORM 1', typeorm);
