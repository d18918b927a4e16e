import * as typeorm from 'typeorm';
import { typeormAdapter } from '../typeorm/typeorm-adapter.js';
import { runContract } from './run-contract.js';

runContract(typeormAdapter('TypeORM 1', typeorm));
