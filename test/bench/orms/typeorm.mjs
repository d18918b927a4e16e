import * as typeorm from 'typeorm';
import { openWith } from '../typeorm-session.mjs';

export const open = openWith(typeorm);
