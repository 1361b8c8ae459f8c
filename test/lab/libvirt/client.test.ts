import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ConnectionLost,
  ConsoleFlag,
  ControlState,
  connectLibvirt,
  DomainCreate,
  DomainState,
  ErrorCode,
  Lifecycle,
} from '../../../src/libvirt/index.ts';
import { discard, eventOf, eventually, type Host, isAbout, startHost } from './world.ts';

let host: Host;

beforeAll(async () => {
  host = await startHost();
});

afterAll(() => host[Symbol.asyncDispose]());

test('two hundred calls at once are all answered', async () => {
  const { libvirt, start } = host;
  const guest = await start();
  const calls = Array.from({ length: 200 }, (_, n) =>
    n % 2 === 0 ? libvirt.domainLookupByUuid({ uuid: guest.uuid }) : libvirt.domainGetXmlDesc({ dom: guest.dom }),
  );
  const answers = await Promise.all(calls);
  expect(answers.filter((answer) => typeof answer === 'string' && answer.includes(guest.uuid))).toHaveLength(100);
  expect(answers.filter((answer) => typeof answer === 'object' && answer.uuid === guest.uuid)).toHaveLength(100);
  await discard(libvirt, guest);
});

test('the daemon is reached over TCP as well', async () => {
  await using libvirt = connectLibvirt({ host: '127.0.0.1', port: host.daemon.port });
  expect(await libvirt.connectGetUri()).toBe('qemu:///system');
});

describe('a daemon that restarts in the middle of two hundred calls', () => {
  test.for(['SIGKILL', 'SIGTERM'] as const)('by %s', async (signal) => {
    const { daemon, define } = host;
    const guest = await define();
    await using libvirt = connectLibvirt({ socket: daemon.socket });
    const heard: string[] = [];
    libvirt.onResync(() => heard.push('resync'));
    libvirt.onLost(() => heard.push('lost'));
    await libvirt.subscribe('lifecycle', () => undefined);

    const settled: string[] = [];
    const keepAsking = async () => {
      while (!heard.includes('lost')) {
        await libvirt.domainGetXmlDesc({ dom: guest.dom }).then(
          () => settled.push('answered'),
          (error: unknown) => settled.push(error instanceof ConnectionLost ? error.outcome : `${error}`),
        );
      }
    };
    const asking = Array.from({ length: 200 }, keepAsking);
    await expect.poll(() => settled.length).toBeGreaterThan(200);
    await daemon.restart(signal);
    await Promise.all(asking);

    expect(new Set(settled)).toEqual(new Set(['answered', 'unknown']));
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['resync', 'lost', 'resync']);
    await eventOf(
      libvirt,
      'lifecycle',
      (event) => isAbout(guest)(event) && event.event === Lifecycle.started,
      () => libvirt.domainCreateWithFlags({ dom: guest.dom, flags: DomainCreate.paused }),
    );
    await discard(libvirt, guest);
  });
});

test('a listener from before a restart hears what happens after it, without asking again', async () => {
  const { libvirt, daemon, define } = host;
  const heard: number[] = [];
  const unsubscribe = await libvirt.subscribe('lifecycle', ({ event }) => heard.push(event));
  await daemon.restart('SIGKILL');
  const guest = await define();
  await expect.poll(() => heard).toContain(Lifecycle.defined);
  await libvirt.domainUndefineFlags({ dom: guest.dom });
  unsubscribe();
});

test('a daemon that is frozen is noticed by its silence, and found again when it wakes', async () => {
  const { daemon } = host;
  await using libvirt = connectLibvirt({ socket: daemon.socket, keepalive: { intervalMs: 50, count: 4 } });
  await libvirt.connectGetHostname();
  await daemon.signal('SIGSTOP');
  await expect(libvirt.connectGetHostname()).rejects.toMatchObject({
    outcome: 'unknown',
    message: expect.stringContaining('silent for 4 pings'),
  });
  await daemon.signal('SIGCONT');
  expect(await libvirt.connectGetUri()).toBe('qemu:///system');
});

test('a guest that hangs holds its own calls only, and can be ended', async () => {
  const { libvirt, daemon, start, define } = host;
  const hung = await start();
  const off = await define();
  await daemon.signalGuest(hung.name, 'STOP');
  const reads = Array.from({ length: 8 }, () => libvirt.domainMemoryStats({ dom: hung.dom, maxStats: 16 }));
  const changes = Array.from({ length: 8 }, () => libvirt.domainSuspend({ dom: hung.dom }));
  const settled = Promise.allSettled([...reads, ...changes]);
  await eventually(() => libvirt.domainGetControlInfo({ dom: hung.dom })).toMatchObject({ state: ControlState.occupied });

  expect((await libvirt.domainLookupByUuid({ uuid: off.uuid })).uuid).toBe(off.uuid);
  await libvirt.domainCreateWithFlags({ dom: off.dom, flags: DomainCreate.paused });
  expect(await libvirt.domainGetState({ dom: off.dom })).toMatchObject({ state: DomainState.paused });
  await discard(libvirt, off);

  await discard(libvirt, hung);
  const refused = (await settled).slice(reads.length); // libvirt answers some reads of a guest that dies, with what it has.
  expect(refused.map(({ status }) => status)).toEqual(changes.map(() => 'rejected'));
  expect(await libvirt.connectGetCapabilities()).toContain('<capabilities>');
});

/** Waits until a console has shown `text`. */
async function untilShown(console: Duplex, text: string): Promise<void> {
  let shown = '';
  for await (const printed of console.iterator({ destroyOnReturn: false })) {
    shown += `${printed}`;
    if (shown.includes(text)) return;
  }
  throw new Error(`the console ended after ${JSON.stringify(shown)}`);
}

test('a console shows what the guest prints, types into it, and ends with the guest', async () => {
  const { libvirt, define } = host;
  const guest = await define();
  await libvirt.domainCreateWithFlags({ dom: guest.dom, flags: DomainCreate.paused });
  const console = await libvirt.openConsole({ dom: guest.dom });
  await libvirt.domainResume({ dom: guest.dom });
  await untilShown(console, 'K');
  console.write('type');
  await untilShown(console, 'type');
  const closed = once(console.resume(), 'close');
  await discard(libvirt, guest);
  await closed;
});

test('a console is one reader’s until it closes it or another takes it by force', async () => {
  const { libvirt, start } = host;
  const guest = await start();
  const first = await libvirt.openConsole({ dom: guest.dom });
  await expect(libvirt.openConsole({ dom: guest.dom })).rejects.toMatchObject({ code: ErrorCode.operationFailed });
  const taken = expect(once(first.resume(), 'close')).rejects.toMatchObject({ code: ErrorCode.rpc });
  const second = await libvirt.openConsole({ dom: guest.dom, flags: ConsoleFlag.force });
  await taken;
  const closed = once(second, 'close');
  second.destroy();
  await closed;
  const third = await libvirt.openConsole({ dom: guest.dom });
  third.destroy();
  await discard(libvirt, guest);
});

test('a screenshot is a picture of the guest’s screen', async () => {
  const { libvirt, start } = host;
  const guest = await start({ devices: "<video><model type='vga'/></video>" });
  const { mime, image } = await libvirt.screenshot({ dom: guest.dom });
  expect(mime).toBe('image/png');
  expect(image.subarray(1, 4).toString()).toBe('PNG');
  await expect(libvirt.screenshot({ dom: guest.dom, screen: 7 })).rejects.toMatchObject({
    code: ErrorCode.operationInvalid,
  });
  await discard(libvirt, guest);
});
