import { expect, test } from 'vitest';
import { powerStateOf } from '../../src/activities/power-state.ts';

// By hand: `virDomainState`, and what Nova's libvirt driver makes of it (`LIBVIRT_POWER_STATE`).
test.for([
  [0, 'nostate'],
  [1, 'running'],
  [2, 'running'],
  [3, 'paused'],
  [4, 'running'],
  [5, 'shutdown'],
  [6, 'crashed'],
  [7, 'suspended'],
  [null, 'nostate'],
])('a domain in state %s is %s', ([state, expected]) => {
  expect(powerStateOf(state)).toBe(expected);
});
