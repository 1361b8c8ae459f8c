import type { Config } from '../../config.ts';
import { compareArgs, greetArgs, type OwnDisk, type ServedDisk, sendArgs } from '../../qemu/nbd.ts';
import { tellsShare } from '../qemu-img.ts';
import { run } from '../run.ts';
import { brokenTransfer } from './broken.ts';
import { pkiOfQemu } from './certificate.ts';
import { digestOf } from './digest.ts';
import { watchReach } from './out-of-reach.ts';

/** A disk on its way from this host. */
export interface Outgoing {
  readonly name: string;
  readonly from: OwnDisk;
  readonly to: ServedDisk;
  readonly toFormat: OwnDisk['format'];
  /** Whether it is written into a device, of which nobody says that it is empty. */
  readonly toDevice: boolean;
  readonly sizeBytes: number;
}

type SenderConfig = Pick<Config, 'pkiDir' | 'transferSilenceSeconds'>;

/** How long a server may take to answer: one that does not has its one place taken by a connection that is cut. */
const greetingSeconds = 15;

/**
 * Writes a disk into the one that the other host serves, and flushes it. Returns the digest of a raw disk that becomes a raw one, for the
 * other end to compare; any other is compared from here, over the same way, and null is returned. Raises `TransferBroken`.
 */
export async function sendDisk(config: SenderConfig, { name, from, to, toFormat, toDevice, sizeBytes }: Outgoing): Promise<string | null> {
  const way = { pkiDirectory: pkiOfQemu(config), from, to };
  await brokenTransfer(() => run('timeout', ['--kill-after=2', `${greetingSeconds}`, 'qemu-img', ...greetArgs(way)]));
  if (from.format === 'raw' && toFormat === 'raw') {
    const digesting = digestOf(from.path, sizeBytes, to.comparesBy ?? 'sha256');
    digesting.catch(() => {}); // what becomes of the copy comes first
    await watched(config, `send ${name}`, sendArgs({ ...way, isEmpty: !toDevice }), { to, sizeBytes });
    return digesting;
  }
  await watched(config, `send ${name}`, sendArgs({ ...way, isEmpty: !toDevice }), { to, sizeBytes });
  await watched(config, `compare ${name}`, compareArgs(way), { to, sizeBytes });
  return null;
}

async function watched(
  { transferSilenceSeconds: silenceSeconds }: SenderConfig,
  step: string,
  args: readonly string[],
  { to, sizeBytes }: { readonly to: ServedDisk; readonly sizeBytes: number },
): Promise<void> {
  const [until, over] = [new AbortController(), new AbortController()];
  const tell = tellsShare(step, sizeBytes);
  let hasMoved = false;
  const isMoving = () => {
    const moved = hasMoved;
    hasMoved = false;
    return moved;
  };
  const onOutput = (printed: string) => {
    hasMoved = true;
    tell(printed);
  };
  const watching = watchReach(to, { silenceSeconds, isMoving, until, over: over.signal });
  try {
    await brokenTransfer(() => run('qemu-img', args, { onOutput, until: until.signal }));
  } finally {
    over.abort();
    await watching;
  }
}
