import * as typeorm from 'typeorm-0.3';
import { typeormAdapter } from '../typeorm/typeorm-adapter.js';
import type { TypeOrm } from '../typeorm/versions.js';
import { runContract } from './run-contract.js';

runContract(typeormAdapter('TypeORM 0.3', typeorm as unknown as TypeOrm));
