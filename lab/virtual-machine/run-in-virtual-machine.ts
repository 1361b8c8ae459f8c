import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { virtualization } from '../virtualization.ts';
import { buildVirtualMachine, type VirtualMachine } from './build-virtual-machine.ts';

interface Settings {
  readonly memoryMiB: number;
  readonly accelerator: string;
  readonly command: string;
  readonly exit: string;
  readonly console: string;
  readonly socket: string;
}

/** A command for a virtual machine of its own. */
export interface VirtualMachineCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The machine is switched off when the command takes longer. */
  readonly withinSeconds: number;
  readonly memoryMiB: number;
}

// Debian 12 and Ubuntu 22.04 have QEMU's own, newer ones the one in Rust, which knows the options of the older.
const virtiofsds = ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd'];

/**
 * Runs a command as root in a virtual machine with the distribution's kernel, which has modules that the kernel of this machine may lack,
 * such as a device mapper. All files of this machine are there as they are; what is written stays in the machine and is gone with it. What
 * the command prints appears as it does. Resolves to its exit code; raises what the machine's console said when it ended without one.
 */
export async function runInVirtualMachine({ withinSeconds, memoryMiB, ...command }: VirtualMachineCommand): Promise<number> {
  const machine = await buildVirtualMachine((line) => console.log(line));
  const accelerator = (await virtualization()).type === 'kvm' ? 'kvm' : 'tcg,thread=multi';
  const dir = await mkdtemp(join(tmpdir(), 'novaflow-vm-'));
  try {
    const files = { command: join(dir, 'command'), exit: join(dir, 'exit'), console: join(dir, 'console'), socket: join(dir, 'virtiofsd') };
    await writeFile(files.command, scriptOf(command));
    // It ends with the one connection that QEMU makes.
    const virtiofsd = execa('setpriv', ['--pdeathsig', 'KILL', findVirtiofsd(), ...virtiofsdArgs(files.socket)], { reject: false });
    const qemu = execa(
      'setpriv',
      ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArgs(machine, { memoryMiB, accelerator, ...files })],
      {
        // Input that ends would close the channel of the output, which shares QEMU's device.
        stdio: ['pipe', 'inherit', 'inherit'],
        timeout: withinSeconds * 1000,
        reject: false,
      },
    );
    const { timedOut } = await qemu;
    virtiofsd.kill();
    const { stderr } = await virtiofsd;
    const code = await readFile(files.exit, 'utf8').catch(() => '');
    if (code !== '') return Number(code);
    const log = await readFile(files.console, 'utf8').catch(() => '');
    const why = timedOut ? `the command took longer than ${withinSeconds} s` : 'the machine ended before the command did';
    throw new Error(`${why}; its console:\n${log}\n${stderr}`);
  } finally {
    await rm(dir, { recursive: true });
  }
}

function scriptOf({ argv, cwd, env }: Pick<VirtualMachineCommand, 'argv' | 'cwd' | 'env'>): string {
  const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const words = ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv];
  return `cd ${quoted(cwd)} && exec ${words.map(quoted).join(' ')}\n`;
}

function findVirtiofsd(): string {
  const found = virtiofsds.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error('there is no virtiofsd, by which a virtual machine reads the files of this one: install the package virtiofsd');
  return found;
}

function virtiofsdArgs(socket: string): string[] {
  return [`--socket-path=${socket}`, '-o', 'source=/', '-o', 'sandbox=chroot', '-o', 'cache=always'];
}

function qemuArgs(machine: VirtualMachine, { memoryMiB, accelerator, ...files }: Settings): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', 'q35,memory-backend=memory', '-accel', accelerator, '-cpu', 'max', '-smp', '2'],
    ...['-m', `${memoryMiB}M`, '-object', `memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on`],
    ...['-kernel', machine.kernel, '-initrd', machine.initrd],
    ...['-append', `console=ttyS0 quiet panic=-1 mitigations=off command=${files.command}`, '-serial', `file:${files.console}`],
    // Snapshot: what is written goes to a file without a name.
    ...['-drive', `file=${machine.disk},format=raw,if=virtio,snapshot=on,cache=unsafe,discard=unmap`],
    ...['-chardev', `socket,id=below,path=${files.socket},reconnect=0`, '-device', 'vhost-user-fs-pci,chardev=below,tag=below'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...['-chardev', 'stdio,id=output,signal=off', '-device', 'virtserialport,chardev=output,name=output'],
    ...['-chardev', `file,id=exit,path=${files.exit}`, '-device', 'virtserialport,chardev=exit,name=exit'],
  ];
}
