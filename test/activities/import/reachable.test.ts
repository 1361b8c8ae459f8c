import { expect, test } from 'vitest';
import { reachability } from '../../../src/activities/import/reachable.ts';

const mayReach = reachability([]);

test.for([
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '169.254.169.254',
  '169.254.0.1',
  '192.0.0.192',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '::127.0.0.1',
  '2002:7f00:1::1',
  '2001:0:7f00:1::1',
  'localhost',
  '',
])('no image comes from %j', (address) => {
  expect(mayReach(address)).toBe(false);
});

test.for([
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '8.8.8.8',
  'fd00::1',
  '2a00:1450:4001::1',
  '64:ff9b::8.8.8.8',
  '::ffff:8.8.8.8',
])('an image may come from %j', (address) => {
  expect(mayReach(address)).toBe(true);
});

test('the configuration may allow a network', () => {
  const allowed = reachability(['127.0.0.0/30', 'fe80::/16']);
  expect(['127.0.0.1', '127.0.0.4', 'fe80::1', 'ff02::1', '169.254.1.1'].map(allowed)).toStrictEqual([true, false, true, false, false]);
});
