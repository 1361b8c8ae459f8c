import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quiesceOf, thawIfFrozen } from '../../../src/activities/snapshot/quiesce.ts';
import { ErrorCode, type Libvirt, LibvirtError } from '../../../src/libvirt/index.ts';
import { ownDirectory } from '../surroundings.ts';

const uuid = '7d9f0e0c-0000-4000-8000-000000000001';
const channel = (state: string) => `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='${state}'/></channel>`;

/** A guest with an agent, whose freeze and thaw fail as often as it says. */
async function agentThat({
  freezeFails = 0,
  thawFails = 0,
  devices = channel('connected'),
  thawCode = ErrorCode.agentUnresponsive as number,
} = {}) {
  const marker = join(await ownDirectory(), 'frozen');
  const calls: string[] = [];
  const left = { freeze: freezeFails, thaw: thawFails };
  const answer = (name: 'freeze' | 'thaw', code: number) => async () => {
    calls.push(`${name}${existsSync(marker) ? '' : ' without a marker'}`);
    left[name] -= 1;
    if (left[name] >= 0) throw refused(code);
    return 1;
  };
  const libvirt = {
    domainGetXmlDesc: async () => `<domain type='kvm'><devices>${devices}</devices></domain>`,
    domainFsFreeze: answer('freeze', ErrorCode.agentUnresponsive),
    domainFsThaw: answer('thaw', thawCode),
  } as Partial<Libvirt> as Libvirt;
  const work = async () => void calls.push('work');
  return { libvirt, marker, calls, work, quiesce: (isRequired: boolean) => quiesceOf(libvirt, uuid, marker, isRequired) };
}

function refused(code: number): LibvirtError {
  const nothing = { str1: null, str2: null, str3: null, int1: 0, int2: 0, dom: null, network: null };
  return new LibvirtError('fake', { code, domain: 10, message: 'the agent is silent', level: 2, ...nothing });
}

test('a guest is frozen for the work alone, and a marker says so as long as it may be', async () => {
  const { quiesce, calls, work, marker } = await agentThat();
  expect(await quiesce(true).during(work)).toBeNull();
  expect([calls, existsSync(marker)]).toEqual([['freeze', 'work', 'thaw'], false]);
});

test('a guest is thawed when the work fails', async () => {
  const { quiesce, calls, marker } = await agentThat();
  await expect(quiesce(true).during(() => Promise.reject(new Error('the disk burns')))).rejects.toThrow('the disk burns');
  expect([calls, existsSync(marker)]).toEqual([['freeze', 'thaw'], false]);
});

test('a guest that cannot be frozen is thawed, since nobody knows, and has its work done with a warning', async () => {
  const { quiesce, calls, work } = await agentThat({ freezeFails: 1 });
  expect(await quiesce(false).during(work)).toContain('the agent is silent');
  expect(calls).toEqual(['freeze', 'work', 'thaw']);
});

test('a guest that has to be frozen and cannot be has no work done', async () => {
  const { quiesce, calls, work } = await agentThat({ freezeFails: 1 });
  await expect(quiesce(true).during(work)).rejects.toMatchObject({ type: 'GuestNotQuiesced' });
  expect(calls).toEqual(['freeze', 'thaw']);
});

test.for([
  ['', null],
  [channel('disconnected'), 'its agent does not answer'],
] as const)('a guest whose channel is "%s" is not asked', async ([devices, warning]) => {
  const { quiesce, calls, work } = await agentThat({ devices });
  expect(await quiesce(false).during(work)).toBe(warning);
  expect(calls).toEqual(['work']);
  await expect(quiesce(true).requireAgent()).rejects.toMatchObject({ type: 'GuestNotQuiesced' });
  await expect(quiesce(true).during(work)).rejects.toMatchObject({ type: 'GuestNotQuiesced' });
  expect(calls).toEqual(['work']);
});

test('a thaw that fails is tried again, and one that fails for good leaves the marker to who comes next', async () => {
  const passing = await agentThat({ thawFails: 2 });
  await passing.quiesce(true).during(passing.work);
  expect([passing.calls, existsSync(passing.marker)]).toEqual([['freeze', 'work', 'thaw', 'thaw', 'thaw'], false]);

  const { libvirt, quiesce, work, marker, calls } = await agentThat({ thawFails: 3 });
  await expect(quiesce(true).during(work)).rejects.toThrow('the agent is silent');
  expect(existsSync(marker)).toBe(true);
  await thawIfFrozen(libvirt, uuid, marker);
  expect([calls.at(-1), existsSync(marker)]).toEqual(['thaw', false]);
  await thawIfFrozen(libvirt, uuid, marker);
  expect(calls.filter((call) => call === 'thaw')).toHaveLength(4);
});

test.for([ErrorCode.operationInvalid, ErrorCode.noDomain])('a guest that is off (%i) has nothing frozen', async (thawCode) => {
  const { libvirt, marker } = await agentThat({ thawFails: 9, thawCode });
  await writeFile(marker, '');
  await thawIfFrozen(libvirt, uuid, marker);
  expect(existsSync(marker)).toBe(false);
});
