import { Option } from '@commander-js/extra-typings';
import type { Image } from '../model/image.ts';
import { snapshotFormats } from '../model/snapshot.ts';
import { snapshotModes } from '../model/snapshot-mode.ts';
import { noWait, onFailure, pairs, wholeNumber } from './arguments.ts';
import type { Run } from './cloud.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { follow } from './follow.ts';
import { imageTable } from './image-text.ts';
import { answer, answerStarted, type Session } from './session.ts';

/** Adds what makes images from instances: `novaflow instance snapshot` and `backup`. */
export function addSnapshotCommands(group: Group, session: Session): void {
  addSnapshot(group, session);
  addBackup(group, session);
}

function addSnapshot(group: Group, session: Session): void {
  group
    .command('snapshot')
    .argument('<instance>', 'id or name')
    .argument('<name>', 'name of the image')
    .description("make an image from an instance's root disk, while its guest runs or, where that is impossible, while it is saved")
    .addOption(
      new Option('--mode <mode>', 'live: the guest runs on; cold: it is saved meanwhile (default: auto, live where possible)').choices(
        snapshotModes,
      ),
    )
    .addOption(new Option('--format <format>', 'of the image (default: that of the disk)').choices(snapshotFormats))
    .option('--compress', 'a smaller qcow2 image, which takes longer; the guest does not wait for it')
    .option('--property <key=value>', 'a property of the image; may be repeated', pairs)
    .option('--id <uuid>', 'id of the image (default: a new one)')
    .addOption(onFailure())
    .option(...noWait)
    .addHelpText(
      'after',
      examples(
        'instance snapshot web1 web1-before-upgrade',
        'instance snapshot web1 exact --mode cold',
        'instance snapshot web1 golden --format qcow2 --compress --property os_distro=debian',
        'instance snapshot web1 nightly --no-wait',
      ),
    )
    .action(async (idOrName, name, { wait, property: properties, id: imageId, ...how }) => {
      const instanceId = await (await session.cloud()).idOf('instance', idOrName);
      const given = Object.entries({ ...how, properties, imageId }).filter(([, value]) => value !== undefined);
      const request = { instanceId, name, ...Object.fromEntries(given) };
      await madeImage(session, await (await session.cloud()).start('snapshotInstance', idOrName, request), wait);
    });
}

function addBackup(group: Group, session: Session): void {
  group
    .command('backup')
    .argument('<instance>', 'id or name')
    .argument('<name>', 'name of the image')
    .description('make an image as snapshot does, and delete the oldest backups of the same type')
    .requiredOption('--type <type>', 'which backups take turns with it: daily, weekly, …')
    .requiredOption('--rotation <count>', 'how many of the type are kept', wholeNumber)
    .addOption(onFailure())
    .option(...noWait)
    .addHelpText('after', examples('instance backup web1 web1-daily --type daily --rotation 7'))
    .action(async (idOrName, name, { wait, type: backupType, ...how }) => {
      const instanceId = await (await session.cloud()).idOf('instance', idOrName);
      const request = { instanceId, name, backupType, ...how };
      await madeImage(session, await (await session.cloud()).start('backupInstance', idOrName, request), wait);
    });
}

/** Shows the operation until the image is there, and that. */
async function madeImage(session: Session, run: Run, wait: boolean): Promise<void> {
  if (!wait) return answerStarted(session, run.id);
  const image = (await follow(session, run)) as Image;
  answer(session, { json: image, ids: [image.id], text: () => imageTable([image], session.terminal) });
}
