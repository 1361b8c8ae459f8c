import { expect, onTestFinished, test, vi } from 'vitest';
import { type RunBeside, unblocking } from '../../../src/activities/live-migration/unblock.ts';
import { inActivity } from '../surroundings.ts';
import { instanceId } from './fake-source.ts';

const dead = 'ESTAB 0 9 10.0.0.2:36090 10.0.0.1:49152 users:(("qemu-system-x86",pid=812,fd=38)) timer:(on,12sec,7)';

/** A host with a QEMU that answers nothing while the connection is there. */
function standstill(): { readonly call: Promise<string>; readonly runBeside: RunBeside; readonly killed: string[] } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const killed: string[] = [];
  const runBeside: RunBeside = async (file, args) => {
    if (file === 'cat') return { stdout: '812\n' };
    if (!args.includes('--kill')) return { stdout: killed.length === 0 ? dead : '' };
    killed.push(args.slice(2).join(' '));
    resolve('answered');
    return { stdout: '' };
  };
  return { call: promise, runBeside, killed };
}

test('a connection that nobody answers is ended when QEMU waits for it, and then its answer comes', async () => {
  const { call, runBeside, killed } = standstill();
  expect(await inActivity(() => unblocking(instanceId, runBeside).answered(call))).toBe('answered');
  expect(killed).toEqual(['src 10.0.0.2:36090 dst 10.0.0.1:49152']);
});

test('nothing is looked at while libvirt answers, nor after it has failed', async () => {
  const { runBeside, killed } = standstill();
  expect(await unblocking(instanceId, runBeside).answered(Promise.resolve('at once'))).toBe('at once');
  await expect(unblocking(instanceId, runBeside).answered(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  expect(killed).toEqual([]);
});

test('it is ended before QEMU waits for it when nothing is sent for 5 s, and not while something is', async () => {
  const { runBeside, killed } = standstill();
  const { sent } = unblocking(instanceId, runBeside);
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  const killedAt = async (ms: number, bytes: number) => {
    clock.mockReturnValue(ms);
    await inActivity(() => sent(bytes));
    return killed.length;
  };
  expect(await killedAt(10_000, 7)).toBe(0);
  expect(await killedAt(14_000, 7)).toBe(0);
  expect(await killedAt(16_000, 8)).toBe(0);
  expect(await killedAt(20_000, 8)).toBe(0);
  expect(await killedAt(21_500, 8)).toBe(1);
});
