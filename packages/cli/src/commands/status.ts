import type { CommandContext } from '../command-context.js';
export async function status(_: CommandContext<{ json?: boolean }>): Promise<void> {}
