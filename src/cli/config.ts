import type { Program } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import type { Session } from './session.ts';

/** Adds `novaflow config`. */
export function addConfigCommand(program: Program, { terminal, isJson }: Session): void {
  program
    .command('config')
    .description('print the settings in effect on this machine, as a configuration file')
    .option('--config <file>', 'the configuration file (default: NOVAFLOW_CONFIG, else /etc/novaflow/novaflow.yaml)')
    .addHelpText('after', examples('config', 'config --json'))
    .action(async ({ config: file }) => {
      // Loaded here, since the schema of the settings takes longer to load than the rest of the command.
      const [{ ConfigError, configYaml, loadConfig }, { parse }] = await Promise.all([import('../config.ts'), import('yaml')]);
      try {
        const yaml = configYaml(loadConfig({ file }));
        terminal.print(isJson() ? JSON.stringify(parse(yaml), null, 2) : yaml.trimEnd());
      } catch (error) {
        if (error instanceof ConfigError) throw new CommandError(exitCodes.refused, error.message, { cause: error });
        throw error;
      }
    });
}
