/** The environment variable of a setting, by its dotted key: `host.availabilityZone` → `NOVAFLOW_HOST_AVAILABILITY_ZONE`. */
export function variableOf(key: string): string {
  return `NOVAFLOW_${words(key, '_').toUpperCase()}`;
}

/** The flag of a setting, by its dotted key: `host.availabilityZone` → `--host-availability-zone`. */
export function flagOf(key: string): string {
  return `--${words(key, '-').toLowerCase()}`;
}

// A capital begins a word unless it follows one, or is that of a unit: `memoryMiB` is `memory_mib`, `bandwidthMiBps` is `bandwidth_mibps`.
function words(key: string, separator: string): string {
  return key.replaceAll('.', separator).replaceAll(/(?<=[a-z0-9])(?<![KMG]i)(?=[A-Z](?![A-Z]|$))/g, separator);
}
