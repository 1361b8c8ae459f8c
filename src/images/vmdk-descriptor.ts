/** What the descriptor of a VMDK says of the files that the disk consists of. */
export interface VmdkDescriptor {
  readonly createType: string | null;
  readonly parentCid: string | null;
  readonly extents: readonly VmdkExtent[];
  /** Settings that name another file: a parent, or what changed since a backup. */
  readonly filesNamed: readonly string[];
}

export interface VmdkExtent {
  readonly access: string;
  readonly sectors: number;
  readonly type: string;
  readonly fileName: string;
}

const setting = /^\s*([A-Za-z][\w.]*)\s*=\s*"?([^"]*?)"?\s*$/;
const extent = /^\s*(RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+([A-Z]+)\s*(?:"([^"]*)"\s*(?:\d+\s*)?)?$/;
/** What a line is that hides an extent from this reader though another one would see it. */
const almostExtent = /^\s*(?:RW|RDONLY|NOACCESS)\b/i;
const fileSettings = ['parentfilenamehint', 'changetrackpath'] as const;

/** Reads a descriptor, as text up to its first zero byte; null when a line of it looks like an extent and is none. */
export function parseVmdkDescriptor(text: string): VmdkDescriptor | null {
  const lines = text.split(/\r\n|[\r\n]/).filter((line) => !line.trimStart().startsWith('#'));
  const matched = lines.filter((line) => almostExtent.test(line)).map((line) => extent.exec(line));
  if (matched.includes(null)) return null;
  const settings = lines.flatMap((line) => {
    const [, key, value] = setting.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key: key.toLowerCase(), value }];
  });
  // Of a setting given twice, readers differ in which one counts.
  const only = (wanted: string) => {
    const values = settings.filter(({ key }) => key === wanted).map(({ value }) => value);
    return values.length === 1 ? (values[0] ?? null) : null;
  };
  return {
    createType: only('createtype'),
    parentCid: only('parentcid'),
    extents: matched.map((match) => {
      const [, access = '', sectors = '', type = '', fileName = ''] = match ?? [];
      return { access, sectors: Number(sectors), type, fileName };
    }),
    // Wherever it stands: QEMU looks for the word, and finds it in a comment, too.
    filesNamed: fileSettings.filter((word) => text.toLowerCase().includes(word)),
  };
}
