// Starts everything that the example needs, uses it, and shows its audit trail.
import { show } from 'colophon-example-support';

await show(import.meta.dirname);
