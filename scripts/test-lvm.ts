import { delimiter, join } from 'node:path';
import { buildGuest, virtualization } from '../lab/lab.ts';
import { runInVirtualMachine } from '../lab/virtual-machine/run-in-virtual-machine.ts';
import { cacheDirectory } from '../src/cache-directory.ts';
import { workflowBundle } from '../src/workflow-bundle.ts';

const root = join(import.meta.dirname, '..');
const PATH = [join(root, 'node_modules', '.bin'), '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'].join(delimiter);

/** Runs the tests of logical volumes in a virtual machine, whose kernel has a device mapper whatever this one's has. Arguments are vitest's. */
const argv = ['vitest', 'run', '--project', 'lab', 'test/lab/lvm', ...process.argv.slice(2)];
// What is built here once would be built there each time, and by a slower processor.
await buildGuest();
await workflowBundle();
const isEmulated = (await virtualization()).type !== 'kvm';
const env = { PATH, HOME: '/root', NOVAFLOW_CACHE: cacheDirectory(), NOVAFLOW_LAB_SLOWNESS: isEmulated ? '15' : '1' };
process.exitCode = await runInVirtualMachine({ argv, cwd: root, env, withinSeconds: 1800, memoryMiB: 6144 });
