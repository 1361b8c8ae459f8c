import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, runInHost, signalProcess, spawnInHost, whenEnded } from '../lab/lab.ts';
import { run } from '../lab/run.ts';
import { until } from '../lab/wait.ts';
import { accounts, sshdConfig } from '../src/activities/transfer/ssh.ts';

/** rsync as an administrator would call it, from one host to an sshd of another, which listens as long as this is in use. */
export interface PlainRsync extends AsyncDisposable {
  /** Copies and syncs files of the source; paths are those of the hosts. */
  readonly copy: (options: readonly string[], paths: readonly string[], to: string) => Promise<unknown>;
}

/** Brings up the sshd that it goes to. */
export async function plainRsync(source: LabHost, destination: LabHost): Promise<PlainRsync> {
  const directory = join(destination.runDir, 'bench-sshd');
  const inside = '/run/bench-sshd';
  await mkdir(directory, { mode: 0o700 });
  const key = join(source.runDir, 'bench-key');
  for (const file of [join(directory, 'host_key'), key]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const port = 20_900;
  const config = sshdConfig({ directory: inside, address: destination.address, port }).replace('forced-commands-only', 'prohibit-password');
  await writeFile(join(directory, 'sshd_config'), config);
  await run('cp', [`${key}.pub`, join(directory, 'authorized_keys')]);
  const { passwd, shadow } = accounts(inside);
  await writeFile(join(directory, 'passwd'), passwd);
  await writeFile(join(directory, 'shadow'), shadow, { mode: 0o600 });
  const start =
    'mount -n --bind "$0/passwd" /etc/passwd; mount -n --bind "$0/shadow" /etc/shadow; mkdir -p /run/sshd; exec /usr/sbin/sshd -D -f "$0/sshd_config"';
  const sshd = await spawnInHost(destination, ['unshare', '--mount', '--propagation=private', 'sh', '-euc', start, inside]);
  const ssh =
    'ssh -F none -p 20900 -i /run/bench-key -l root -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -c aes128-gcm@openssh.com';
  const probe = () =>
    runInHost(source, [...ssh.split(' '), destination.address, 'true']).then(
      () => true,
      () => null,
    );
  await until(probe, { what: 'the sshd of plain rsync', timeoutMs: 10_000, intervalMs: 50 });
  return {
    copy: (options, paths, to) =>
      runInHost(source, ['rsync', '--fsync', ...options, `--rsh=${ssh}`, ...paths, `${destination.address}:${to}`]),
    [Symbol.asyncDispose]: async () => {
      signalProcess(sshd, 'SIGKILL');
      await whenEnded(sshd);
      await rm(directory, { recursive: true });
      for (const file of [key, `${key}.pub`]) await rm(file);
    },
  };
}
