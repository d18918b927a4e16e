import * as typeorm from 'typeorm-0.3';
import { openWith } from '../typeorm-session.mjs';

export const open = openWith(typeorm);
