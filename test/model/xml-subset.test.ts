import { describe, expect, test } from 'vitest';
import { missingFrom } from '../../src/model/xml-subset.ts';

const wanted = `<domain type="qemu">
  <name>a &amp; b</name>
  <devices>
    <disk device="disk"><target dev="vda"/><readonly/></disk>
    <disk device="cdrom"><target dev="sda"/></disk>
    <interface><mtu size="1500"/></interface>
  </devices>
</domain>`;

describe('nothing is missing', () => {
  test.for([
    ['the same', wanted],
    ['the same with other quotes and blanks', wanted.replaceAll('"', "'").replaceAll(/\n\s*/g, '')],
    ['more attributes', wanted.replace('<mtu ', '<mtu extra="1" ')],
    ['more elements', wanted.replace('<devices>', '<uuid>1</uuid><devices><emulator>/qemu</emulator>')],
    ['elements in an element that we left empty', wanted.replace('<readonly/>', '<readonly><by/></readonly>')],
    ['a comment', wanted.replace('<devices>', '<!-- edited by hand --><devices>')],
    ['repeated elements in another order', wanted.replace(/(<disk device="disk">.*<\/disk>)\s*(<disk device="cdrom">.*<\/disk>)/, '$2$1')],
    ['further elements of the same name', wanted.replace('<interface>', '<interface><mtu size="9000"/></interface><interface>')],
  ] as const)('from %s', ([, actual]) => {
    expect(missingFrom(wanted, actual)).toStrictEqual([]);
  });
});

describe('what is missing is told by its path', () => {
  test.for([
    ['an attribute of another value', ['size="1500"', 'size="1450"'], 'domain/devices/interface/mtu/@size = 1500, found 1450'],
    ['an attribute', [' size="1500"', ''], 'domain/devices/interface/mtu/@size = 1500, found none'],
    ['text', ['a &amp; b', 'c'], 'domain/name = a &amp; b, found c'],
    ['text that became elements', ['a &amp; b', '<x/>'], 'domain/name = a &amp; b, found elements'],
    ['an element', ['<readonly/>', ''], 'domain/devices/disk[0]/readonly, found none'],
    ['an element with text', ['<name>a &amp; b</name>', ''], 'domain/name = a &amp; b, found none'],
    ['an element with attributes', ['<mtu size="1500"/>', ''], 'domain/devices/interface/mtu (size=1500), found none'],
    [
      'one of two repeated elements',
      ['<disk device="cdrom"><target dev="sda"/></disk>', ''],
      'domain/devices/disk[1] (device=cdrom), found none',
    ],
    ['the root', [/domain/g, 'network'], 'domain, found network'],
  ] as const)('%s', ([, [from, to], path]) => {
    expect(missingFrom(wanted, wanted.replace(from, to))).toStrictEqual([path]);
  });

  test('two wanted elements never count the same one', () => {
    expect(missingFrom('<a><port/><port/><port/></a>', '<a><port index="1"/><port index="2"/></a>')).toStrictEqual([
      'a/port[2], found none',
    ]);
  });

  test('every difference at once', () => {
    const actual = wanted.replace('1500', '1450').replace('<readonly/>', '').replace('"qemu"', '"kvm"');
    expect(missingFrom(wanted, actual)).toStrictEqual([
      'domain/@type = qemu, found kvm',
      'domain/devices/disk[0]/readonly, found none',
      'domain/devices/interface/mtu/@size = 1500, found 1450',
    ]);
  });

  test('and XML without a root is refused', () => {
    expect(() => missingFrom(wanted, '')).toThrow('root element');
  });
});
