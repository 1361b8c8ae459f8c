import { describe, expect, test } from 'vitest';
import { hardwareProblems, propertyProblems } from '../../../src/model/hardware/properties.ts';

const pc = { hw_machine_type: 'pc' };

describe('an image may ask for', () => {
  test.for([
    { hw_disk_bus: 'scsi', hw_scsi_model: 'virtio-scsi' },
    { hw_disk_bus: 'ide', ...pc },
    { hw_cdrom_bus: 'ide', hw_machine_type: 'pc-i440fx-7.2' },
    { hw_machine_type: 'pc-q35-rhel9.2.0' },
    { hw_vif_model: 'e1000e', hw_video_model: 'none', hw_rng_model: 'virtio' },
    { hw_watchdog_action: 'disabled', hw_qemu_guest_agent: 'Yes', hw_boot_menu: 'false' },
    { hw_pointer_model: 'usbtablet', hw_input_bus: 'virtio', hw_serial_port_count: '4' },
    { hw_cpu_sockets: '1', hw_cpu_cores: '2', hw_cpu_threads: '1', hw_cpu_max_sockets: '512', hw_cpu_policy: 'shared' },
    { hw_cpu_policy: 'dedicated', hw_cpu_thread_policy: 'isolate' },
    { hw_cpu_policy: 'mixed' },
    { hw_cpu_thread_policy: 'require' },
    { hw_firmware_type: 'uefi', os_secure_boot: 'optional', os_type: 'windows', os_distro: 'debian', os_shutdown_timeout: '300' },
    { hw_architecture: 'x86_64', hw_vm_mode: 'hvm', img_hv_type: 'kvm', img_hv_requested_version: '>=6.0', os_command_line: 'quiet' },
    { colour: 'blue', hw_of_ours: 'anything', constructor: 'a name that objects have' },
  ] as readonly Readonly<Record<string, string>>[])('%o', (properties) => {
    expect(propertyProblems(properties)).toStrictEqual([]);
  });
});

describe('an image is refused, by the name of the property, for', () => {
  test.for([
    [{ hw_disk_bus: 'fdc' }, 'hw_disk_bus', 'must be "virtio", "scsi", "sata", "ide" or "usb"'],
    [{ hw_disk_bus: 'ide' }, 'hw_disk_bus', 'can be "ide" only with the hw_machine_type "pc": q35 has no IDE'],
    [{ hw_cdrom_bus: 'ide', hw_machine_type: 'q35' }, 'hw_cdrom_bus', 'can be "ide" only with the hw_machine_type "pc": q35 has no IDE'],
    [{ hw_cdrom_bus: 'virtio' }, 'hw_cdrom_bus', 'must be "scsi", "sata", "ide" or "usb"'],
    [{ hw_machine_type: 'microvm' }, 'hw_machine_type', 'must be "pc", "q35", or a version of one of them'],
    [{ hw_cpu_policy: 'pinned' }, 'hw_cpu_policy', 'must be "shared", "dedicated" or "mixed"'],
    [{ hw_cpu_thread_policy: 'avoid' }, 'hw_cpu_thread_policy', 'must be "prefer", "isolate" or "require"'],
    [{ hw_cpu_realtime_mask: '^0' }, 'hw_cpu_realtime_mask', 'is not supported yet'],
    [{ hw_cpu_cores: '0' }, 'hw_cpu_cores', 'must be a whole number from 1 to 512'],
    [{ hw_cpu_max_threads: '513' }, 'hw_cpu_max_threads', 'must be a whole number from 1 to 512'],
    [{ hw_serial_port_count: '5' }, 'hw_serial_port_count', 'must be a whole number from 1 to 4'],
    [{ hw_qemu_guest_agent: 'maybe' }, 'hw_qemu_guest_agent', 'must be yes or no'],
    [{ os_shutdown_timeout: '-1' }, 'os_shutdown_timeout', 'must be a whole number of seconds from 0 to 86400'],
    [{ os_shutdown_timeout: '86401' }, 'os_shutdown_timeout', 'must be a whole number of seconds from 0 to 86400'],
    [{ os_secure_boot: 'required' }, 'os_secure_boot', '"required" is not supported yet'],
    [{ hw_tpm_model: 'tpm-crb' }, 'hw_tpm_model', 'is not supported yet'],
    [{ 'hw_numa_cpus.0': '1' }, 'hw_numa_cpus.0', 'is not supported yet'],
    [{ 'trait:HW_CPU_X86_AVX': 'required' }, 'trait:HW_CPU_X86_AVX', 'is not supported yet'],
  ] as readonly (readonly [Readonly<Record<string, string>>, string, string])[])('%o', ([properties, field, message]) => {
    expect(propertyProblems(properties)).toStrictEqual([{ field, message }]);
  });
});

describe('a build is refused when', () => {
  test.for([
    ['its image asks for what there is not', { hw_sound_model: 'ich6' }, {}, 'image', 'has hw_sound_model, which is not supported yet'],
    ['its flavor does', {}, { 'hw:numa_nodes': '2' }, 'flavor', 'has hw:numa_nodes, which is not supported yet'],
    [
      'its image pins, and its flavor forbids it',
      { hw_cpu_policy: 'dedicated' },
      { 'hw:cpu_policy': 'shared' },
      'image',
      'has the hw_cpu_policy "dedicated", which its flavor forbids: hw:cpu_policy is "shared"',
    ],
    [
      'its flavor bounds the disks',
      {},
      { 'quota:disk_read_iops_sec': '10' },
      'flavor',
      'has quota:disk_read_iops_sec, which is not supported yet',
    ],
    [
      'its image wants more serial ports than its flavor allows',
      { hw_serial_port_count: '3' },
      { 'hw:serial_port_count': '2' },
      'image',
      'has a hw_serial_port_count of 3, above the 2 of the flavor',
    ],
    [
      'its CPUs cannot be arranged within the limits',
      { hw_cpu_max_sockets: '1', hw_cpu_max_cores: '1', hw_cpu_max_threads: '1' },
      {},
      'image',
      'limits its CPUs so that 4 vCPUs cannot be arranged',
    ],
  ] as readonly (readonly [string, Readonly<Record<string, string>>, Readonly<Record<string, string>>, string, string])[])(
    '%s',
    ([, properties, extraSpecs, field, message]) => {
      expect(hardwareProblems({ properties, extraSpecs, vcpus: 4 })).toStrictEqual([{ field, message }]);
    },
  );

  test('and all of it is told at once', () => {
    const wishes = {
      properties: { hw_pmu: 'no', hw_disk_bus: 'xen' },
      extraSpecs: { 'hw:mem_page_size': 'large', 'our:key': 'free' },
      vcpus: 1,
    };
    expect(hardwareProblems(wishes).map(({ field, message }) => `${field} ${message.split(',')[0]}`)).toStrictEqual([
      'image has hw_pmu',
      'image has hw_disk_bus',
      'flavor has hw:mem_page_size',
    ]);
  });
});
