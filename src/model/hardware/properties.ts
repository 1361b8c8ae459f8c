import { cpuPolicies, cpuPolicyProblems, cpuThreadPolicies } from '../cpus/policy.ts';
import type { FieldProblem } from '../failure.ts';
import { shutdownTimeoutProblem } from '../shutdown-timeout.ts';
import { cdromBuses, diskBuses, type HardwareWishes, inputBuses, scsiModels, videoModels, vifModels, watchdogActions } from './hardware.ts';
import { topologyProblem } from './topology.ts';

/** Says why a value is refused, in words that follow the property's name, or null. */
type Rule = (value: string) => string | null;

const maxCount = 512;
const topologyNames = ['cpu_sockets', 'cpu_cores', 'cpu_threads', 'cpu_max_sockets', 'cpu_max_cores', 'cpu_max_threads'];
const count: Rule = (value) =>
  /^[1-9]\d{0,2}$/.test(value) && Number(value) <= maxCount ? null : `must be a whole number from 1 to ${maxCount}`;
const yesOrNo: Rule = (value) => (/^(1|t|true|on|y|yes|0|f|false|off|n|no)$/i.test(value) ? null : 'must be yes or no');
const anything: Rule = () => null;
const notYet: Rule = () => 'is not supported yet';

/**
 * The properties of an image that have to have certain values. Free are those by which hosts are chosen (`hw_architecture`,
 * `hw_vm_mode`, `img_hv_type`, `img_hv_requested_version`), `os_command_line`, and those that only describe an image (`os_distro`,
 * `os_admin_user`, `img_owner_id`).
 */
const ofImages: Readonly<Record<string, Rule>> = {
  hw_boot_menu: yesOrNo,
  hw_cdrom_bus: oneOf(cdromBuses),
  hw_cpu_cores: count,
  hw_cpu_max_cores: count,
  hw_cpu_max_sockets: count,
  hw_cpu_max_threads: count,
  hw_cpu_policy: oneOf(cpuPolicies),
  hw_cpu_sockets: count,
  hw_cpu_thread_policy: oneOf(cpuThreadPolicies),
  hw_cpu_threads: count,
  hw_disk_bus: oneOf(diskBuses),
  hw_firmware_type: oneOf(['bios', 'uefi']),
  hw_input_bus: oneOf(inputBuses),
  hw_machine_type: machineType,
  hw_pointer_model: oneOf(['usbtablet', 'ps2mouse']),
  hw_qemu_guest_agent: yesOrNo,
  hw_rng_model: oneOf(['virtio']),
  hw_scsi_model: oneOf(scsiModels),
  hw_serial_port_count: (value) => (/^[1-4]$/.test(value) ? null : 'must be a whole number from 1 to 4'),
  hw_video_model: oneOf(videoModels),
  hw_vif_model: oneOf(vifModels),
  hw_watchdog_action: oneOf(watchdogActions),
  os_require_quiesce: yesOrNo,
  os_secure_boot: notYetOneOf(['disabled', 'optional'], ['required']),
  os_shutdown_timeout: shutdownTimeoutProblem,
  os_type: oneOf(['linux', 'windows']),
};

/** Names of Nova's that nothing here honours: an image that has one would not get what it asks for. */
const unsupported: ReadonlySet<string> = new Set([
  'hw_auto_disk_config',
  'hw_cpu_realtime_mask',
  'hw_disk_type',
  'hw_emulation_architecture',
  'hw_ephemeral_encryption',
  'hw_ephemeral_encryption_format',
  'hw_ephemeral_encryption_secret_uuid',
  'hw_firmware_stateless',
  'hw_floppy_bus',
  'hw_locked_memory',
  'hw_maxphysaddr_bits',
  'hw_maxphysaddr_mode',
  'hw_mem_encryption',
  'hw_mem_encryption_model',
  'hw_mem_page_size',
  'hw_numa_cpus',
  'hw_numa_mem',
  'hw_numa_nodes',
  'hw_pci_numa_affinity_policy',
  'hw_pmu',
  'hw_redirected_usb_ports',
  'hw_rescue_bus',
  'hw_rescue_device',
  'hw_sound_model',
  'hw_time_hpet',
  'hw_tpm_model',
  'hw_tpm_version',
  'hw_usb_model',
  'hw_video_ram',
  'hw_vif_multiqueue_enabled',
  'hw_viommu_model',
  'hw_virtio_packed_ring',
  'img_bdm_v2',
  'img_block_device_mapping',
  'img_config_drive',
  'img_hide_hypervisor_id',
  'img_mappings',
  'img_root_device_name',
  'img_signature',
  'img_signature_certificate_uuid',
  'img_signature_hash_method',
  'img_signature_key_type',
  'os_skip_agent_inject_files_at_boot',
  'os_skip_agent_inject_ssh',
]);

/** The extra specs of a flavor that something is made of. */
const ofFlavors: Readonly<Record<string, Rule>> = {
  'hw:cpu_dedicated_mask': anything, // judged with the policy
  ...Object.fromEntries(
    ['boot_menu', 'cpu_policy', 'cpu_thread_policy', 'input_bus', 'serial_port_count', 'watchdog_action', ...topologyNames].map((name) => [
      `hw:${name}`,
      ofImages[`hw_${name}`] ?? notYet,
    ]),
  ),
};

/** Extra specs that Nova makes a guest's hardware of; in other name spaces a flavor says what it likes. */
const hardwareNameSpaces = ['hw:', 'hw_rng:', 'hw_video:', 'os:', 'quota:', 'pci_passthrough:'];

/** What an image cannot ask for, by property. A name that Nova does not know is free. */
export function propertyProblems(properties: Readonly<Record<string, string>>): readonly FieldProblem[] {
  return [...Object.entries(properties).flatMap(([name, value]) => problem(name, ruleForImages(name)(value))), ...withoutIde(properties)];
}

/** What a build cannot have for what its image and its flavor ask, by the field of its request. */
export function hardwareProblems(wishes: HardwareWishes): readonly FieldProblem[] {
  const ofImage = propertyProblems(wishes.properties).map(({ field, message }) => ({
    field: 'image',
    message: `has ${field}, which ${message}`,
  }));
  const ofFlavor = Object.entries(wishes.extraSpecs).flatMap(([name, value]) => problem(name, ruleForFlavors(name)(value)));
  const each = [...ofImage, ...ofFlavor.map(({ field, message }) => ({ field: 'flavor', message: `has ${field}, which ${message}` }))];
  if (each.length > 0) return each;
  return [...cpuPolicyProblems(wishes), ...problem('image', topologyProblem(wishes)), ...problem('image', tooManyPorts(wishes))];
}

function tooManyPorts({ properties, extraSpecs }: HardwareWishes): string | null {
  const limit = Number(extraSpecs['hw:serial_port_count'] ?? Number.POSITIVE_INFINITY);
  const asked = Number(properties['hw_serial_port_count'] ?? 1);
  return asked <= limit ? null : `has a hw_serial_port_count of ${asked}, above the ${limit} of the flavor`;
}

function ruleForImages(name: string): Rule {
  const isUnsupported = unsupported.has(name.replace(/\.\d+$/, '')) || name.startsWith('trait:');
  return isUnsupported ? notYet : ((Object.hasOwn(ofImages, name) ? ofImages[name] : undefined) ?? anything);
}

function ruleForFlavors(name: string): Rule {
  const isHardware = hardwareNameSpaces.some((start) => name.startsWith(start));
  return (Object.hasOwn(ofFlavors, name) ? ofFlavors[name] : undefined) ?? (isHardware ? notYet : anything);
}

/** Only `pc` has IDE; what a guest gets when it names no machine type is q35. */
function withoutIde(properties: Readonly<Record<string, string>>): readonly FieldProblem[] {
  if (/^pc(-i440fx-|$)/.test(properties['hw_machine_type'] ?? '')) return [];
  return ['hw_disk_bus', 'hw_cdrom_bus'].flatMap((field) =>
    properties[field] === 'ide' ? [{ field, message: 'can be "ide" only with the hw_machine_type "pc": q35 has no IDE' }] : [],
  );
}

function problem(field: string, message: string | null): readonly FieldProblem[] {
  return message === null ? [] : [{ field, message }];
}

function machineType(value: string): string | null {
  return /^(pc|q35|pc-(i440fx|q35)-[a-z0-9.-]{1,40})$/.test(value) ? null : 'must be "pc", "q35", or a version of one of them';
}

function oneOf(values: readonly string[]): Rule {
  return (value) =>
    values.includes(value) ? null : `must be ${values.map((one) => JSON.stringify(one)).join(', ')}`.replace(/, (?=[^,]*$)/, ' or ');
}

function notYetOneOf(values: readonly string[], later: readonly string[]): Rule {
  return (value) => (later.includes(value) ? `${JSON.stringify(value)} is not supported yet` : oneOf(values)(value));
}
