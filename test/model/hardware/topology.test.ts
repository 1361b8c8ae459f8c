import { describe, expect, test } from 'vitest';
import { topologyOf, topologyProblem } from '../../../src/model/hardware/topology.ts';

type Strings = Readonly<Record<string, string>>;

/** `sockets:cores:threads`, as Nova writes them. */
function chosen(vcpus: number, properties: Strings, extraSpecs: Strings = {}): string | null {
  const topology = topologyOf({ properties, extraSpecs, vcpus });
  return topology === null ? null : `${topology.sockets}:${topology.cores}:${topology.threads}`;
}

describe('the arrangement of vCPUs', () => {
  test.for([
    ['is left to QEMU when nothing is asked for', 8, {}, {}, null],
    ['has the most sockets where limits leave a choice', 8, { hw_cpu_max_threads: '2' }, {}, '8:1:1'],
    ['fills cores when sockets are limited', 8, { hw_cpu_max_sockets: '2' }, {}, '2:4:1'],
    ['has threads only when nothing else is left', 8, { hw_cpu_max_sockets: '2', hw_cpu_max_cores: '2' }, {}, '2:2:2'],
    ['follows a preference', 8, { hw_cpu_threads: '2' }, {}, '4:1:2'],
    ['follows several preferences', 8, { hw_cpu_sockets: '1', hw_cpu_cores: '4', hw_cpu_threads: '2' }, {}, '1:4:2'],
    ['meets as many preferences as multiply', 6, { hw_cpu_sockets: '2', hw_cpu_cores: '2' }, {}, '3:2:1'],
    ['ignores a preference that does not divide', 7, { hw_cpu_cores: '2' }, {}, '7:1:1'],
    ['follows the flavor where the image says nothing', 4, {}, { 'hw:cpu_cores': '4' }, '1:4:1'],
    ['follows the image alone where both prefer something', 4, { hw_cpu_sockets: '2' }, { 'hw:cpu_cores': '4' }, '2:2:1'],
    ['drops a preference of the flavor that the image limits', 8, { hw_cpu_max_sockets: '2' }, { 'hw:cpu_sockets': '4' }, '2:4:1'],
    ['keeps within the limits of the flavor', 8, {}, { 'hw:cpu_max_sockets': '1', 'hw:cpu_max_cores': '4' }, '1:4:2'],
  ] as readonly (readonly [string, number, Strings, Strings, string | null])[])('%s', ([, vcpus, properties, extraSpecs, topology]) => {
    expect(chosen(vcpus, properties, extraSpecs)).toBe(topology);
    expect(topologyProblem({ properties, extraSpecs, vcpus })).toBeNull();
  });

  test.for([
    [{ hw_cpu_max_cores: '4' }, { 'hw:cpu_max_cores': '2' }, 'has a hw_cpu_max_cores above the 2 of the flavor'],
    [{ hw_cpu_sockets: '4', hw_cpu_max_sockets: '2' }, {}, 'has a hw_cpu_sockets above the limit of 2'],
    [{ hw_cpu_threads: '4' }, { 'hw:cpu_max_threads': '1' }, 'has a hw_cpu_threads above the limit of 1'],
    [{ hw_cpu_max_sockets: '3', hw_cpu_max_cores: '1', hw_cpu_max_threads: '1' }, {}, 'limits its CPUs so that 4 vCPUs cannot be arranged'],
  ] as readonly (readonly [Strings, Strings, string])[])('cannot be made of %o and %o', ([properties, extraSpecs, problem]) => {
    expect(topologyProblem({ properties, extraSpecs, vcpus: 4 })).toBe(problem);
  });
});
