import type { CommandContext } from '../command-context.js';
export async function log(_: CommandContext<{ json?: boolean }>): Promise<void> {}
