import { Option } from '@commander-js/extra-typings';
import type { Image } from '../model/image.ts';
import { imageFormats } from '../model/image.ts';
import type { CachedImage } from '../schema/results.ts';
import { each, noWait, pairs, wholeNumber } from './arguments.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { follow } from './follow.ts';
import { importRequest } from './image-request.ts';
import { cachedTable, imageSheet, imageTable } from './image-text.ts';
import { answer, answerList, answerStarted, type Session } from './session.ts';
import { addShow } from './show.ts';

/** Adds `novaflow image …`. */
export function addImageCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'image', 'images that instances start from');
  addImport(group, session);
  addDelete(group, session);
  addCache(group, session);
  addList(group, session);
  addShow(group, session, 'image', {
    named: 'id or name',
    description: 'show all of an image',
    examples: ['image show tiny'],
    idOf: ({ id }) => id,
    sheet: imageSheet,
  });
}

function addImport(group: Group, session: Session): void {
  group
    .command('import')
    .argument('<name>', 'name of the image')
    .description('take a file into the image store; a host does it, from below its importDirectory or from an https server')
    .option('--file <path>', 'a path on that host, below its importDirectory or relative to it')
    .option('--url <url>', 'an https URL; what a broken connection leaves is gone on with')
    .addOption(new Option('--format <format>', 'what the file is').choices(imageFormats).makeOptionMandatory())
    .option('--kernel <id>', 'kernel that QEMU boots it with: the id of an aki')
    .option('--ramdisk <id>', 'initial RAM disk: the id of an ari')
    .option('--property <key=value>', 'a property; may be repeated', pairs)
    .option('--checksum <sha256>', 'sha256:… that the file must have')
    .option('--min-disk <GiB>', 'smallest root disk of a flavor', wholeNumber)
    .option('--min-ram <MiB>', 'smallest memory of a flavor', wholeNumber)
    .option('--host <host>', 'the host that imports (default: any that is up)')
    .option('--id <uuid>', 'id of the image (default: a new one)')
    .option(...noWait)
    .addHelpText(
      'after',
      examples(
        'image import debian --file debian-12.qcow2 --format qcow2 --min-disk 2',
        'image import debian --url https://images.example.org/debian-12.qcow2 --format qcow2 --checksum sha256:…',
        'image import kernel --file vmlinuz --format aki',
        'image import tiny --file root.img --format raw --kernel 0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f --property os_command_line=console=ttyS0',
      ),
    )
    .action(async (name, { wait, ...options }) => {
      const run = await (await session.cloud()).start('importImage', name, importRequest(name, options));
      if (!wait) return answerStarted(session, run.id);
      const image = (await follow(session, run)) as Image;
      answer(session, { json: image, ids: [image.id], text: () => imageTable([image], session.terminal) });
    });
}

function addDelete(group: Group, session: Session): void {
  group
    .command('delete')
    .argument('<image>', 'id or name')
    .description('delete an image that no instance stands on, or what an import left of it')
    .option(...noWait)
    .addHelpText('after', examples('image delete debian', 'image delete 0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f --no-wait'))
    .action(async (idOrName, { wait }) => {
      const cloud = await session.cloud();
      const imageId = await cloud.idOf('image', idOrName);
      const run = await cloud.start('deleteImage', idOrName, { imageId });
      if (!wait) return answerStarted(session, run.id);
      const image = (await follow(session, run)) as Image;
      answer(session, { json: image, ids: [image.id], text: () => `${image.name} (${image.id}) is deleted` });
    });
}

function addCache(group: Group, session: Session): void {
  group
    .command('cache')
    .argument('<image>', 'id or name')
    .description('bring an image to hosts before a build needs it there; exit code 1 when one of them failed')
    .option('--host <host>', 'a host; may be repeated (default: all that are up and enabled)', each)
    .option(...noWait)
    .addHelpText('after', examples('image cache debian', 'image cache debian --host cn1 --host cn2'))
    .action(async (idOrName, { host: hosts, wait }) => {
      const cloud = await session.cloud();
      const imageId = await cloud.idOf('image', idOrName);
      const run = await cloud.start('cacheImage', idOrName, { imageId, ...(hosts === undefined ? {} : { hosts: [...hosts] }) });
      if (!wait) return answerStarted(session, run.id);
      const cached = (await follow(session, run)) as CachedImage;
      answer(session, { json: cached, ids: cached.hosts.map(({ host }) => host), text: () => cachedTable(cached, session.terminal) });
      if (cached.hosts.some(({ state }) => state === 'failed')) session.endWith(exitCodes.failed);
    });
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description('list images')
    .option('--name <name>', 'only those of this name')
    .option('--status <status>', 'only those that are queued, saving, active or killed')
    .addHelpText('after', examples('image list', 'image list --status active --json'))
    .action(async ({ name, status }) => {
      const rows = await (await session.cloud()).list('image', { name, objectState: status });
      answerList(session, { rows, idOf: ({ id }) => id, text: (all) => imageTable(all, session.terminal), none: 'no images' });
    });
}
