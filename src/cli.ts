import { main } from './cli/main.ts';
import { processTerminal } from './cli/terminal.ts';

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await main(process.argv.slice(2), {
  terminal: processTerminal(process),
  openCloud: async (identity) => (await import('./cli/temporal/open.ts')).openCloud(identity),
  serveCodec: async (request) => (await import('./codec/open-server.ts')).openCodecServer(request),
  pki: async () => (await import('./pki/pki.ts')).pki,
});
