import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { RemoteConsole } from '../../src/activities/remote-console.ts';
import { connected } from '../../src/cli/remote-console.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

let own: OwnCloud;
let talker: string;
let seen: string;

beforeAll(async () => {
  own = await ownCloud('remote-console', {}, { hosts: 1 });
  await importGuest(own.cloud, await buildGuest({}));
  ({ id: talker } = await run<Instance>('buildInstance', { name: 'talker', flavor: 'lab.tiny', image: 'tiny' }));
  const blank = join(own.cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', 'blank');
  await writeFile(blank, '');
  await truncate(blank, 1024 ** 2);
  const request = { name: 'blank', source: 'file:blank', diskFormat: 'raw', properties: { hw_video_model: 'vga' } };
  const { id: image } = await run<Image>('importImage', request);
  const flavor = { name: 'small', vcpus: 1, memoryMiB: 32, rootGiB: 0 };
  ({ id: seen } = await run<Instance>('buildInstance', { name: 'seen', flavor, image }));
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

test('who has the key is at the serial console of a guest, and nobody else is then', async () => {
  const console = await open(talker, 'serial');
  const socket = await connected(console);
  expect(await read(socket, /TICK \d+/)).toMatch(/TICK \d+/);
  await expect(connected(console)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  socket.destroy();
});

test('who has another key is not let in, and keeps nobody out', async () => {
  const console = await open(talker, 'serial');
  await expect(connected({ ...console, presharedKey: '00'.repeat(32) })).rejects.toThrow();
  const socket = await connected(console);
  expect(await read(socket, /TICK \d+/)).toMatch(/TICK \d+/);
  socket.destroy();
});

test('a console is taken from who had it before', async () => {
  const first = await connected(await open(talker, 'serial'));
  await read(first, /TICK \d+/);
  const left = once(first, 'close');
  const second = await connected(await open(talker, 'serial'));
  await read(second, /TICK \d+/);
  await left;
  second.destroy();
});

test('the screen of a guest whose image names a video model is reached by VNC, by one viewer after another', async () => {
  for (const _viewer of [1, 2]) {
    const socket = await connected(await open(seen, 'vnc'));
    expect(await read(socket, /RFB \d+\.\d+/)).toContain('RFB 003.008');
    socket.destroy();
  }
});

describe('at a terminal', () => {
  test('what is typed reaches the guest and what it prints is shown, until Ctrl-]', async () => {
    await using terminal = typing('instance', 'console', 'talker');
    await terminal.shows(/at the console of talker; Ctrl-\] leaves it[\s\S]*TICK \d+/);
    terminal.type('is anybody there');
    await terminal.shows(/is anybody there/); // the guest's terminal repeats it
    terminal.type('\x1d');
    await terminal.shows(/left the console/);
    expect(await terminal.exitCode).toBe(0);
  });

  test('a console that is taken by somebody else ends with the reason', async () => {
    await using terminal = typing('instance', 'console', 'talker');
    await terminal.shows(/TICK \d+/);
    (await connected(await open(talker, 'serial'))).destroy();
    await terminal.shows(/the console was closed: the guest ended, or somebody else took it/);
    expect(await terminal.exitCode).toBe(0);
  });

  test('viewers of a screen get the first port that is free, and Ctrl-C ends them with the command', async () => {
    await using first = typing('instance', 'vnc', 'seen');
    const [, port = ''] = await first.shows(/connect a VNC viewer to 127\.0\.0\.1:(\d+)/);
    await using second = typing('instance', 'vnc', 'seen');
    const [, another = ''] = await second.shows(/connect a VNC viewer to 127\.0\.0\.1:(\d+)/);
    expect(Number(another)).toBeGreaterThan(Number(port));
    await using third = typing('instance', 'vnc', 'seen', '--port', port);
    await third.shows(new RegExp(`viewers cannot connect to port ${port}: .*EADDRINUSE`));
    expect(await third.exitCode).toBe(2);

    const viewer = connect(Number(port), '127.0.0.1');
    const [greeting] = await once(viewer, 'data');
    expect(`${greeting}`).toContain('RFB 003.008');
    const gone = once(viewer, 'close');
    first.type('\x03');
    await gone;
    expect(await first.exitCode).toBe(0);
  });

  test('a new password is asked for twice, and never shown', async () => {
    await using terminal = typing('instance', 'set-password', 'talker');
    await terminal.shows(/new password: /);
    terminal.type('swordfish\r');
    await terminal.shows(/once more: /);
    terminal.type('swordfisch\r');
    expect(await terminal.shows(/the two differ: nothing was changed/)).not.toContain('swordfish');
    expect(await terminal.exitCode).toBe(2);
  });
});

test('a guest without a screen, and one that is off, say so', async () => {
  const vnc = await own.client.workflow.start('openConsole', options({ instanceId: talker, kind: 'vnc' }));
  expect(await endOf(vnc)).toMatchObject({ type: 'InvalidState', message: expect.stringContaining('hw_video_model') });
  await run('stopInstance', { instanceId: seen, mode: 'hard' });
  const off = await own.client.workflow.start('openConsole', options({ instanceId: seen, kind: 'serial' }));
  expect(await endOf(off)).toMatchObject({ type: 'InvalidState', message: 'the guest is off: it has no console' });
});

/** The command on a terminal of its own. */
function typing(...args: readonly string[]) {
  const command = [process.execPath, 'src/cli.ts', ...args].join(' ');
  const env = { ...process.env, TEMPORAL_ADDRESS: own.temporalAddress, TERM: 'xterm' };
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', `exec ${command}`, '/dev/null'], { env });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('latin1');
  });
  const exitCode = once(child, 'exit').then(([code]) => code as number);
  return {
    type: (keys: string) => child.stdin.write(keys),
    shows: (what: RegExp) => until(() => what.exec(shown), { what: `${what} on the terminal, which shows ${shown}`, timeoutMs: 30_000 }),
    exitCode,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exitCode;
    },
  };
}

function open(instanceId: string, kind: 'serial' | 'vnc'): Promise<RemoteConsole> {
  return run<RemoteConsole>('openConsole', { instanceId, kind });
}

/** What came until it has what is waited for. */
async function read(socket: TLSSocket, what: RegExp): Promise<string> {
  let text = '';
  for await (const [chunk] of on(socket, 'data', { close: ['close'] })) {
    text += (chunk as Buffer).toString('latin1');
    if (what.test(text)) break;
  }
  return text;
}

function run<Result>(type: string, input: object): Promise<Result> {
  return own.client.workflow.execute(type, options(input)) as Promise<Result>;
}

function options(input: object) {
  return { taskQueue: controlQueue, workflowId: `console-${crypto.randomUUID()}`, args: [input] };
}
