import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './cache-directory.ts';

// What is compiled already is not compiled again: a worker starts in half the time. Only what is imported after this is meant.
enableCompileCache(join(cacheDirectory(), 'compiled'));
const { runWorker } = await import('./run-worker.ts');
await runWorker(process.argv.slice(2));
