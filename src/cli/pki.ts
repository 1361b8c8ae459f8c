import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Certificate } from '../pki/certificate.ts';
import type { Pki } from '../pki/pki.ts';
import { each, wholeNumber } from './arguments.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { answer, answerList, type Session } from './session.ts';
import { table } from './tables.ts';

const defaultDirectory = '/etc/novaflow/pki';
const authorityDays = 3650;
const hostDays = 825;

const onHost = `
The host's files are written below --out as they have to lie on the host: etc/pki/CA and etc/pki/libvirt for libvirt, etc/pki/qemu for QEMU.
To bring them there: tar -C /etc/novaflow/pki/hosts/cn1 -c etc | ssh root@cn1 tar -x -C / --no-same-owner`;

/** Adds `novaflow pki …`. */
export function addPkiCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'pki', 'certificates with which hosts know one another; docs/hosts.md');
  addInit(group, session);
  addIssue(group, session);
  addRenew(group, session);
  addList(group, session);
}

function addInit(group: Group, session: Session): void {
  group
    .command('init')
    .description('make the authority that issues them; its key should not lie on a host')
    .option('--directory <directory>', 'where it is kept', defaultDirectory)
    .option('--days <number>', 'how long its certificate is good for', days, authorityDays)
    .addHelpText('after', examples('pki init', 'pki init --directory /srv/novaflow-pki --days 1825'))
    .action(async (wanted) => said(session, (pki) => pki.init(wanted)));
}

function addIssue(group: Group, session: Session): void {
  group
    .command('issue')
    .argument('<host>', 'its `host.name`', host)
    .description('issue a certificate to a host, with a new key')
    .requiredOption(
      '--address <address>',
      'IP address or name at which other hosts find it, its `host.address`; may be repeated',
      addresses,
    )
    .option('--directory <directory>', 'where the authority is kept', defaultDirectory)
    .option('--days <number>', 'how long it is good for', days, hostDays)
    .option('--out <root>', 'where the files go: / on the host itself (default: hosts/<host> below --directory)')
    .option('--group <name>', 'whose members may read the keys of QEMU, where it does not run as root: libvirt-qemu, kvm')
    .addHelpText(
      'after',
      `${onHost}\n${examples('pki issue cn1 --address 10.0.0.11 --address cn1.example.org', 'pki issue cn1 --address 10.0.0.11 --out / --group kvm')}`,
    )
    .action(async (name, { address, directory, days, out = `${directory}/hosts/${name}`, group = null }) =>
      said(session, (pki) => pki.issue({ directory, host: name, addresses: address, days, out, group })),
    );
}

function addRenew(group: Group, session: Session): void {
  group
    .command('renew')
    .argument('[host]', 'whose certificate; none with --authority', host)
    .description('issue a certificate of a later end, for the same key: either is good, and nothing has to be stopped')
    .option('--authority', "renew the authority's own certificate; bring it to the hosts by renewing theirs")
    .option('--directory <directory>', 'where the authority is kept', defaultDirectory)
    .option('--days <number>', 'how long it is good for', days)
    .option('--out <root>', 'where the files go: / on the host itself (default: hosts/<host> below --directory)')
    .addHelpText('after', `${onHost}\n${examples('pki renew cn1', 'pki renew --authority --days 3650')}`)
    .action(async (name, { authority = false, directory, days, out }) => {
      if (authority === (name !== undefined)) throw new CommandError(exitCodes.refused, 'name a host, or --authority');
      await said(session, (pki) =>
        name === undefined
          ? pki.renewAuthority({ directory, days: days ?? authorityDays })
          : pki.renew({ directory, host: name, days: days ?? hostDays, out: out ?? `${directory}/hosts/${name}` }),
      );
    });
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description("list the authority's certificate and those that it issued, with their ends")
    .option('--directory <directory>', 'where the authority is kept', defaultDirectory)
    .addHelpText('after', examples('pki list', 'pki list --json'))
    .action(async ({ directory }) => {
      const rows = await refusing(async () => (await session.pki()).list(directory));
      answerList(session, { rows, idOf: ({ host: name }) => name, text: certificates, none: 'there is none' });
    });
}

async function said(session: Session, work: (pki: Pki) => Promise<Certificate>): Promise<void> {
  const certificate = await refusing(async () => work(await session.pki()));
  answer(session, { json: certificate, ids: [certificate.host], text: () => certificates([certificate]) });
}

async function refusing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'PkiError') throw new CommandError(exitCodes.refused, error.message, { cause: error });
    throw error;
  }
}

function certificates(rows: readonly Certificate[]): string {
  const cells = rows.map(({ host: name, addresses, expiresAt }) => [
    name,
    addresses.join(' ') || '-',
    expiresAt.toISOString().slice(0, 10),
  ]);
  return table(['OF', 'ADDRESSES', 'UNTIL'], cells);
}

function host(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) throw new InvalidArgumentError('It must be the name of a host.');
  return text;
}

function addresses(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/.test(text)) throw new InvalidArgumentError('It must be an IP address or a name.');
  return each(text, before);
}

function days(text: string): number {
  const number = wholeNumber(text);
  if (number < 1 || number > 36_500) throw new InvalidArgumentError('It must be from 1 to 36500 days.');
  return number;
}
