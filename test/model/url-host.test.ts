import { expect, test } from 'vitest';
import { urlHost } from '../../src/model/url-host.ts';

test.each([
  ['10.0.0.11', '10.0.0.11'],
  ['cn1.example.org', 'cn1.example.org'],
  ['fd00::11', '[fd00::11]'],
])('%s stands as %s before a colon', (address, written) => {
  expect(urlHost(address)).toBe(written);
});
