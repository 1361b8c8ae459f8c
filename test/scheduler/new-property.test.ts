import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { Candidate } from '../../src/scheduler/candidate.ts';
import type { Filter } from '../../src/scheduler/filter.ts';
import { selectHosts } from '../../src/scheduler/select-host.ts';
import { candidateSource } from './candidates.ts';

const source = join(import.meta.dirname, '..', '..', 'src');
const document = join(import.meta.dirname, '..', '..', 'docs', 'scheduler.md');

/** The code blocks of the document that begin with the name of a file, by that name. */
async function codeIn(file: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(file, 'utf8');
  return new Map([...text.matchAll(/```ts\n\/\/ (\S+\.ts).*\n([\s\S]*?)```/g)].map(([, name = '', code = '']) => [name, code]));
}

test('the property and the filter that the manual adds to the scheduler do what it says', async () => {
  const code = await codeIn(document);
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-scheduler-'));
  try {
    for (const part of ['model', 'scheduler']) await cp(join(source, part), join(directory, part), { recursive: true });
    const candidateFile = join(directory, 'scheduler', 'candidate.ts');
    const line = '    host: host.name,\n';
    const before = await readFile(candidateFile, 'utf8');
    expect(before).toContain(line);
    await writeFile(candidateFile, before.replace(line, `${line}${code.get('src/scheduler/candidate.ts')}`));
    const filterFile = join(directory, 'scheduler', 'libvirt-version.ts');
    await writeFile(filterFile, code.get('src/scheduler/libvirt-version.ts') ?? '');

    const { candidateOf } = (await import(pathToFileURL(candidateFile).href)) as { candidateOf: (host: object) => Candidate };
    const { libvirtVersion } = (await import(pathToFileURL(filterFile).href)) as { libvirtVersion: Filter };
    const hosts = ['9.0.0', '10.3.0'].map((version, index) =>
      candidateOf({
        ...candidateSource,
        name: `cn${index + 1}`,
        inventory: { ...candidateSource.inventory, libvirtVersion: version },
      }),
    );
    const request = { vcpus: 1, memoryMiB: 64, diskGiB: 1, extraSpecs: { 'libvirt:version': '10.0.0' } };
    expect(selectHosts(request, hosts, { filters: [libvirtVersion], weighers: [] })).toMatchObject({
      winner: 'cn2',
      removed: [{ host: 'cn1', filter: 'libvirtVersion', reason: 'cn1 has libvirt 9.0.0, 10.0.0 is wanted' }],
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
