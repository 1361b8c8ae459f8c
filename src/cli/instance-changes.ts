import { writeFile } from 'node:fs/promises';
import type { Screenshot } from '../activities/screenshot.ts';
import { act } from './act.ts';
import { pairs } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { resultOf } from './follow.ts';
import type { Session } from './session.ts';

/** Adds what changes the record of an instance, or looks at its guest: `novaflow instance lock`, `rename`, `screenshot`, … */
export function addChangeCommands(group: Group, session: Session): void {
  addLock(group, session);
  addRename(group, session);
  addSetMetadata(group, session);
  addScreenshot(group, session);
}

const instancesArgument = ['<instance...>', 'ids or names'] as const;
const wait = true;

function addLock(group: Group, session: Session): void {
  group
    .command('lock')
    .argument(...instancesArgument)
    .description('keep others than administrators from touching an instance')
    .option('--reason <text>', 'shown to whoever is refused')
    .addHelpText('after', examples('instance lock web1 --reason "under investigation"'))
    .action((instances, { reason }) => act(session, 'lockInstance', { instances, wait, how: { reason } }));
  group
    .command('unlock')
    .argument(...instancesArgument)
    .description('take the lock of an instance away')
    .addHelpText('after', examples('instance unlock web1'))
    .action((instances) => act(session, 'unlockInstance', { instances, wait, how: {} }));
}

function addRename(group: Group, session: Session): void {
  group
    .command('rename')
    .argument('<instance>', 'id or name')
    .argument('<name>', 'need not be unique')
    .description('give an instance another name')
    .addHelpText('after', examples('instance rename web1 web-old'))
    .action((instance, name) => act(session, 'renameInstance', { instances: [instance], wait, how: { name } }));
}

function addSetMetadata(group: Group, session: Session): void {
  group
    .command('set-metadata')
    .argument('<instance>', 'id or name')
    .argument('[key=value...]', 'all of the metadata from now on; none: it has none', pairs, {})
    .description('give an instance other metadata')
    .addHelpText('after', examples('instance set-metadata web1 role=web tier=front'))
    .action((instance, metadata) => act(session, 'setInstanceMetadata', { instances: [instance], wait, how: { metadata } }));
}

function addScreenshot(group: Group, session: Session): void {
  group
    .command('screenshot')
    .argument('<instance>', 'id or name')
    .argument('<file>', 'a PNG is written to it')
    .description("take a picture of a guest's screen")
    .addHelpText('after', examples('instance screenshot web1 web1.png'))
    .action(async (idOrName, file) => {
      const cloud = await session.cloud();
      const run = await cloud.start('getScreenshot', idOrName, { instanceId: await cloud.idOf('instance', idOrName) });
      const shot = (await resultOf(session, run)) as Screenshot;
      if (session.isJson()) return session.terminal.print(JSON.stringify(shot, null, 2));
      await writeFile(file, Buffer.from(shot.pngBase64, 'base64'));
      session.terminal.note(`wrote ${file}`);
    });
}
