import { delimiter, join } from 'node:path';
import { runInVirtualMachine } from '../lab/virtual-machine/run-in-virtual-machine.ts';

const root = join(import.meta.dirname, '..');
const PATH = [join(root, 'node_modules', '.bin'), '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'].join(delimiter);

/** Runs the tests of logical volumes in a virtual machine, whose kernel has a device mapper whatever this one's has. Arguments are vitest's. */
const argv = ['vitest', 'run', '--project', 'lab', 'test/lab/lvm.test.ts', ...process.argv.slice(2)];
process.exitCode = await runInVirtualMachine({ argv, cwd: root, env: { PATH, HOME: '/root' }, withinSeconds: 600, memoryMiB: 4096 });
