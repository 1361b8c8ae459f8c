import { expect, test } from 'vitest';
import { deadConnections } from '../../../src/model/live-migration/dead-connections.ts';

const qemu = 'users:(("qemu-system-x86",pid=812,fd=38))';
const line = (users: string, timer: string) => `ESTAB 0      1091792  10.94.80.12:36090  10.94.80.11:49152 ${users} ${timer}`;
const it = { local: '10.94.80.12:36090', peer: '10.94.80.11:49152' };

test.for([
  ['unanswered for long', line(qemu, 'timer:(on,3.240ms,5)'), [it]],
  ['unanswered for longer', line(qemu, 'timer:(on,1min32sec,11)'), [it]],
  ['sent again a moment ago', line(qemu, 'timer:(on,200ms,1)'), []],
  ['whose peer has no room, and says so', line(qemu, 'timer:(persist,12sec,0)'), []],
  ['whose probes are unanswered for long', line(qemu, 'timer:(persist,7.060ms,6)'), [it]],
  ['idle', line(qemu, 'timer:(keepalive,14sec,0)'), []],
  ['without a timer', line(qemu, ''), []],
  ['of another process', line('users:(("libvirtd",pid=8121,fd=20))', 'timer:(on,12sec,7)'), []],
  ['of a process that shares it', line('users:(("sh",pid=1,fd=3),("qemu-system-x86",pid=812,fd=38))', 'timer:(on,12sec,7)'), [it]],
  ['of nobody', line('', 'timer:(on,12sec,7)'), []],
  [
    'by IPv6',
    `ESTAB 0 5 [fd00::2]:36090 [fd00::1]:49152 ${qemu} timer:(on,12sec,7)`,
    [{ local: '[fd00::2]:36090', peer: '[fd00::1]:49152' }],
  ],
  ['and there is none', '', []],
] as const)('a connection %s is dead or not', ([_name, listing, dead]) => {
  expect(deadConnections(listing, 812, 5)).toEqual(dead);
});
