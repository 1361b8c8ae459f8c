import type { Flavor } from '../../model/flavor.ts';
import type { HardwareWishes } from '../../model/hardware/hardware.ts';
import { hardwareProblems } from '../../model/hardware/properties.ts';
import { sentenceOf } from '../../schema/parse.ts';
import { fail } from '../record-client.ts';
import { invalid } from './parse.ts';

/** The flavor that a request gives, or names. Raises `InvalidRequest` for a name that is none. */
export function flavorNamed(wanted: string | Flavor, known: readonly Flavor[]): Flavor {
  if (typeof wanted !== 'string') return wanted;
  const flavor = known.find(({ name }) => name === wanted);
  if (flavor === undefined) throw invalid('flavor', `names no flavor: there are ${known.map(({ name }) => name).join(', ')}`);
  return flavor;
}

/** Hosts are filtered by their PCI devices, but no guest is given one yet. */
export function requireNoDevices({ name, extraSpecs }: Flavor): void {
  const spec = 'pci_passthrough:alias';
  if (spec in extraSpecs) throw invalid('flavor', `${name} asks for PCI devices, ${spec}: that is not supported yet`);
}

/** What image and flavor ask of a guest's devices can be made, and goes together: what cannot is refused rather than left out. */
export function requireHardware(wishes: HardwareWishes): void {
  const problems = hardwareProblems(wishes);
  if (problems.length > 0) throw fail('InvalidRequest', sentenceOf(problems), { fields: problems });
}
