import { expect, test } from 'vitest';
import { type Link, problemOf } from '../../src/activities/vifs.ts';

const port = { id: 'port', network: 'default', mac: 'fa:16:3e:00:00:01', ip: '10.0.0.2', prefix: 24, gateway: null, tap: 'tap1' };
const vif = { port, bridge: 'br0', mtu: 1500, dns: [] };

const bridge: Link = { ifname: 'br0', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] };
const tap: Link = { ifname: 'tap1', flags: ['UP'], master: 'br0', linkinfo: { info_slave_data: { state: 'forwarding' } } };

test.for<[string, readonly Link[], string | null]>([
  ['all is well', [bridge, tap], null],
  ['there are other devices', [{ ifname: 'lo', flags: ['UP'] }, { ...tap, ifname: 'tap2' }, bridge, tap], null],
  ['the bridge is missing', [tap], 'there is no bridge br0'],
  ['nothing is there', [], 'there is no bridge br0'],
  ['the bridge is down', [{ ...bridge, flags: ['BROADCAST', 'MULTICAST'] }, tap], 'bridge br0 is down'],
  ['the device is missing', [bridge], 'there is no device tap1'],
  ['the device is no port', [bridge, { ifname: 'tap1', flags: ['UP'] }], 'tap1 is not a port of br0'],
  ['the device is a port of another bridge', [bridge, { ...tap, master: 'br1' }], 'tap1 is not a port of br0'],
  ['the port listens', [bridge, { ...tap, linkinfo: { info_slave_data: { state: 'listening' } } }], 'tap1 is listening'],
  ['the port is off', [bridge, { ...tap, linkinfo: { info_slave_data: { state: 'disabled' } } }], 'tap1 is disabled'],
  ['the port tells no state', [bridge, { ifname: 'tap1', flags: ['UP'], master: 'br0' }], 'tap1 is unknown'],
])('a port is told plugged or why not when %s', ([, links, expected]) => {
  expect(problemOf(vif, links)).toBe(expected);
});
