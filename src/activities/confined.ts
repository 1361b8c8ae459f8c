import { inheritedDescriptors, type Limits, type Ran, run } from './run.ts';

/** A command that reads what a stranger made, and the one file that it may change. */
export interface Confined {
  readonly file: string;
  readonly args: readonly string[];
  /** The file; the command finds it as `confinedDisk`. It has to belong to `confinedUser`. */
  readonly disk: string;
  readonly limits: Limits & { readonly fileBytes: number };
}

/** Where a confined command finds its file. */
export const confinedDisk = '/disk';

/** Nobody: of the host's files this user may read what everyone may, and here sees none of them. */
export const confinedUser = 65_534;

/**
 * Runs a command as nobody, without capabilities and without a way to new ones, in a root directory that holds the host's
 * programs, read-only, and its one file; without network, other processes, or devices but /dev/null; within limits.
 * Raises `CommandFailed`. It does not inherit the locks of its activity: who comes after a killed worker has to put another
 * file into the place of the one that it may still change.
 */
export function runConfined({ file, args, disk, limits }: Confined): Promise<Ran> {
  const apart = ['--mount', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child=KILL', '--propagation=private'];
  const nobody = [`--reuid=${confinedUser}`, `--regid=${confinedUser}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];
  // Changing the user takes the signal away that unshare gave its child, so that it is given again.
  const unprivileged = ['setpriv', ...nobody, '--no-new-privs', '--pdeathsig=KILL', '--'];
  const bounded = ['prlimit', `--fsize=${limits.fileBytes}`, '--nofile=64', '--nproc=64', '--'];
  const inside = ['sh', '-euc', newRoot, 'confined', disk, ...unprivileged, ...bounded, file, ...args];
  return inheritedDescriptors.run([], () => run('unshare', [...apart, '--', ...inside], { limits }));
}

/** Builds the root directory over /run of its own mount namespace. Its first argument is the file, the others are the command. */
const newRoot = `
disk=$1; shift
mount -n -t tmpfs -o size=64k,mode=0755 tmpfs /run
mkdir /run/usr /run/proc /run/dev
mount -n --bind /usr /run/usr
mount -n -o remount,bind,ro /run/usr
for dir in bin sbin lib lib32 lib64; do
  if [ -L "/$dir" ]; then cp -P "/$dir" /run/; fi
done
mount -n -t proc proc /run/proc
: >/run/dev/null
mount -n --bind /dev/null /run/dev/null
: >/run${confinedDisk}
mount -n --bind "$disk" /run${confinedDisk}
mount -n -o remount,ro /run
exec chroot /run "$@"
`;
