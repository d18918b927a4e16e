import { prisma7 } from '../prisma/prisma-version.js';
import { prismaAdapter } from './prisma-session.js';
import { runContract } from './run-contract.js';

runContract(prismaAdapter('Prisma 7', prisma7, true));
