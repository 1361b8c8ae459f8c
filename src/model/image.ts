export const imageFormats = ['raw', 'qcow2', 'vmdk', 'iso', 'aki', 'ari'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export type ImageStatus = 'queued' | 'saving' | 'active' | 'killed';

/** The record of an image. Public API. */
export interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: ImageStatus;
  readonly diskFormat: ImageFormat;
  readonly sizeBytes: number | null;
  readonly virtualSizeBytes: number | null;
  /** `sha256:<hex>` of the stored bytes. */
  readonly checksum: string | null;
  readonly minRootGiB: number;
  readonly minMemoryMiB: number;
  readonly kernelId: string | null;
  readonly ramdiskId: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly createdAt: string;
}
