import { prisma6 } from '../prisma/prisma-version.js';
import { prismaAdapter } from './prisma-session.js';
import { runContract } from './run-contract.js';

runContract(prismaAdapter('Prisma 6', prisma6, false));
