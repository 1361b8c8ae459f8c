import { setTimeout } from 'node:timers/promises';
import type { XmlElement } from '@rgrove/parse-xml';
import {
  BlockJobType,
  ControlState,
  DomainStats,
  ErrorCode,
  isLibvirtError,
  type Libvirt,
  MetadataType,
  type TypedParam,
  valuesOf,
} from '../../libvirt/index.ts';
import { METADATA_NAMESPACE } from '../../model/domain.ts';
import { isOn } from '../../model/power-state.ts';
import type { ListedBlockJob, ListedDomain } from '../../model/verify/listing.ts';
import { childrenOf, descendantsOf, rootOf } from '../../model/xml-tree.ts';
import { isNoDomain } from '../failures.ts';
import { powerStateOf } from '../power-state.ts';

const jobNames: ReadonlyMap<number, string> = new Map(Object.entries(BlockJobType).map(([name, number]) => [number, name]));

/** How long a QEMU may take to say what its disks do. */
const silentMs = 5_000;

/** The domains that have our metadata, by instance; one that is undefined meanwhile is left out. */
export async function listDomains(libvirt: Libvirt): Promise<readonly ListedDomain[]> {
  const all = await libvirt.connectGetAllDomainStats({ doms: [], stats: DomainStats.state });
  const listed = await Promise.all(all.map(({ dom, params }) => unlessGone(() => listDomain(libvirt, dom.uuid, params))));
  return listed.filter((domain) => domain !== null).sort((one, other) => (one.instanceId < other.instanceId ? -1 : 1));
}

async function listDomain(libvirt: Libvirt, uuid: string, params: readonly TypedParam[]): Promise<ListedDomain | null> {
  if (!(await isOurs(libvirt, uuid))) return null;
  const powerState = powerStateOf(valuesOf(params).get('state.state'));
  const [blockJobs, cpus] = await Promise.all([isOn(powerState) ? listBlockJobs(libvirt, uuid) : [], cpusOf(libvirt, uuid)]);
  return { instanceId: uuid, powerState, blockJobs, ...cpus };
}

/**
 * The jobs of a guest's disks, or null when its QEMU does not answer in time. The protocol cannot give up on a call, so a
 * guest that kept one waiting is not asked again: libvirt shows it as occupied.
 */
async function listBlockJobs(libvirt: Libvirt, uuid: string): Promise<readonly ListedBlockJob[] | null> {
  const dom = { uuid };
  const { state, stateTimeMs } = await libvirt.domainGetControlInfo({ dom });
  if (state === ControlState.occupied && stateTimeMs >= silentMs) return null;
  if (state !== ControlState.ok) return [];
  const asked = askBlockJobs(libvirt, uuid);
  const patience = new AbortController();
  const silence = setTimeout(silentMs, null, { signal: patience.signal }).catch(() => null);
  try {
    return await Promise.race([asked, silence]);
  } finally {
    patience.abort();
  }
}

async function askBlockJobs(libvirt: Libvirt, uuid: string): Promise<readonly ListedBlockJob[]> {
  const dom = { uuid };
  const disks = disksIn(await libvirt.domainGetXmlDesc({ dom }));
  const jobs = disks.map(async (disk) => ({ disk, ...(await libvirt.domainGetBlockJobInfo({ dom, path: disk })) }));
  return (await Promise.all(jobs))
    .filter(({ found }) => found)
    .map(({ disk, type }) => ({ disk, job: jobNames.get(type) ?? `job of type ${type}` }));
}

async function cpusOf(libvirt: Libvirt, uuid: string): Promise<Required<Pick<ListedDomain, 'pins' | 'floatsOver'>>> {
  const domain = rootOf(await libvirt.domainGetXmlDesc({ dom: { uuid } }));
  const numberOf = ({ attributes }: XmlElement) => Number(attributes['vcpu']);
  const pins = descendantsOf(domain, 'vcpupin').toSorted((a, b) => numberOf(a) - numberOf(b));
  const vcpu = childrenOf(domain).find(({ name }) => name === 'vcpu');
  return { pins: pins.map(({ attributes }) => attributes['cpuset'] ?? ''), floatsOver: vcpu?.attributes['cpuset'] ?? null };
}

/** The guest's names of a domain's disks. */
function disksIn(xml: string): readonly string[] {
  return descendantsOf(rootOf(xml), 'disk')
    .flatMap(childrenOf)
    .flatMap(({ name, attributes }) => (name === 'target' ? (attributes['dev'] ?? []) : []));
}

async function isOurs(libvirt: Libvirt, uuid: string): Promise<boolean> {
  try {
    await libvirt.domainGetMetadata({ dom: { uuid }, type: MetadataType.element, uri: METADATA_NAMESPACE });
    return true;
  } catch (error) {
    if (isLibvirtError(error, ErrorCode.noDomainMetadata)) return false;
    throw error;
  }
}

/** A domain that ended or was undefined between two looks: what is left of it is found by another look. */
async function unlessGone<Found>(look: () => Promise<Found>): Promise<Found | null> {
  try {
    return await look();
  } catch (error) {
    if (isNoDomain(error) || isLibvirtError(error, ErrorCode.operationInvalid)) return null;
    throw error;
  }
}
