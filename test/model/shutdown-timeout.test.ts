import { expect, test } from 'vitest';
import { shutdownSecondsOf } from '../../src/model/shutdown-timeout.ts';

test.for([
  ['an image that says nothing', {}, 60],
  ['an image that gives more', { os_shutdown_timeout: '300' }, 300],
  ['an image whose guests are not asked', { os_shutdown_timeout: '0' }, 0],
  // It was a free name once, and images of then are there still.
  ['an image with something else under that name', { os_shutdown_timeout: 'soon' }, 60],
] as const)('a guest of %s has so many seconds to go down', ([, properties, seconds]) => {
  expect(shutdownSecondsOf(properties, 60)).toBe(seconds);
});
