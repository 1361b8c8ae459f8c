import { each, wholeNumber } from './arguments.ts';
import type { Program } from './commands.ts';
import { examples } from './examples.ts';
import type { Session } from './session.ts';

const help = `
Temporal's UI: as its codec endpoint (temporal server start-dev --ui-codec-endpoint URL, or in the UI under the glasses).
The temporal command: temporal --codec-endpoint URL, or without the token in it --codec-auth "Bearer TOKEN".
Who knows the token reads the secrets in histories. Other machines reach it through a proxy with TLS.`;

/** The addresses at which a browser on this machine finds Temporal's UI. */
const ownUi = ['http://127.0.0.1:8233', 'http://localhost:8233'];

/** Adds `novaflow codec-server`. */
export function addCodecServerCommand(program: Program, { terminal, serveCodec }: Session): void {
  program
    .command('codec-server')
    .description("serve Temporal's UI and the temporal command what is encrypted in histories, and encrypt what they send")
    .option('--ip <address>', 'where it listens', '127.0.0.1')
    .option('--port <port>', 'where it listens; 0: any', wholeNumber, 8234)
    .option('--ui <url>', `where Temporal's UI is; may be repeated (default: ${ownUi.join(', ')})`, each)
    .option('--token-file <file>', 'the token that callers have to know (default: a new one, which is printed)')
    .option('--config <file>', 'the configuration file, which names the key file')
    .addHelpText('after', `${help}\n${examples('codec-server', 'codec-server --ui https://temporal.example.org --port 9000')}`)
    .action(async ({ ip, port, ui = ownUi, tokenFile, config }) => {
      await using server = await serveCodec({ config, ip, port, origins: ui.map((url) => new URL(url).origin), tokenFile });
      terminal.print(tokenFile === undefined ? server.endpoint : server.address);
      await new Promise<void>((interrupted) => terminal.onInterrupt(interrupted));
    });
}
