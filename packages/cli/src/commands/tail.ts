import type { CommandContext } from '../command-context.js';
export async function tail(_: CommandContext<{ json?: boolean }>): Promise<void> {}
