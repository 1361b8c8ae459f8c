import { noCloudFiles } from './config-drive/no-cloud.ts';
import { openStackFiles } from './config-drive/openstack.ts';
import type { Instance, Port } from './instance.ts';
import type { Secrets } from './secrets.ts';

/** A port with what the guest is to set on it. */
export interface ConfiguredPort extends Pick<Port, 'id' | 'network' | 'tap' | 'mac' | 'ip' | 'prefix' | 'gateway'> {
  /** Null leaves it to the guest. */
  readonly mtu: number | null;
  readonly dns: readonly string[];
}

/** A file of the config drive, by its path from the drive's root. */
export interface ConfigDriveFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

export interface ConfigDriveContents {
  readonly instance: Pick<Instance, 'id' | 'name' | 'projectId' | 'availabilityZone' | 'metadata'>;
  /** In the order of the guest's devices; the first one with a gateway is the way out. */
  readonly ports: readonly ConfiguredPort[];
  /** OpenSSH lines for the first user of the image. */
  readonly publicKeys: readonly string[];
  readonly secrets: Secrets;
}

/** What the drive's file system is (Nova's `config_drive_format`). */
export const configDriveFormats = ['iso9660', 'vfat'] as const;
export type ConfigDriveFormat = (typeof configDriveFormats)[number];

/**
 * What the drive's label may be. By the label alone cloud-init's ds-identify chooses the one source that reads the drive: `config-2`
 * is ConfigDrive, which sets `files` up and which cloudbase-init, Ignition and Afterburn know too; `cidata` is NoCloud.
 */
export const configDriveLabels = ['config-2', 'cidata'] as const;
export type ConfigDriveLabel = (typeof configDriveLabels)[number];

/** The image property that says which label what runs in the image looks for; without it the label is Nova's, `config-2`. */
export const configDriveLabelProperty = 'img_config_drive_label';

/** The label of the drives of an image's guests, or null when the image asks for one that there is not. */
export function configDriveLabelOf(properties: Readonly<Record<string, string>>): ConfigDriveLabel | null {
  const wanted = properties[configDriveLabelProperty] ?? configDriveLabels[0];
  return configDriveLabels.find((label) => label === wanted) ?? null;
}

/**
 * Everything on the drive, laid out for both sources whatever its label: an image that is told where to look finds either.
 * The same contents give the same bytes.
 */
export function configDriveFiles(contents: ConfigDriveContents): readonly ConfigDriveFile[] {
  return [...openStackFiles(contents), ...noCloudFiles(contents)];
}
