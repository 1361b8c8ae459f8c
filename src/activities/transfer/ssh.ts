import { join } from 'node:path';

/** Fast where the processor helps with AES, else fast without it. */
const ciphers = 'aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr';
const helloSeconds = 15;
const aliveSeconds = 10;

/** What an sshd of ours is told: one key, one command, one session, and nothing of the machine's own settings or accounts. */
export function sshdConfig({ directory, address, port }: { directory: string; address: string; port: number }): string {
  return [
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${join(directory, 'host_key')}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'AuthenticationMethods publickey',
    'AllowUsers root',
    'PermitRootLogin forced-commands-only',
    'UsePAM no',
    'DisableForwarding yes',
    'PermitTTY no',
    'PermitUserRC no',
    'PermitUserEnvironment no',
    'MaxSessions 1',
    'MaxAuthTries 2',
    `LoginGraceTime ${helloSeconds}`,
    `ClientAliveInterval ${aliveSeconds}`,
    'ClientAliveCountMax 3',
    `Ciphers ${ciphers}`,
    'Compression no',
    'UseDNS no',
    'PidFile none',
    'LogLevel ERROR',
    '',
  ].join('\n');
}

/** The line of `authorized_keys` that lets the key run one command, whatever it asks for. */
export function authorizedKey(command: string, publicKey: string): string {
  return `restrict,command="${command.replaceAll('"', '\\"')}" ${publicKey.trim()}\n`;
}

/** The accounts that such an sshd knows: the machine's may be locked. */
export function accounts(directory: string): { readonly passwd: string; readonly shadow: string } {
  const passwd = [`root:x:0:0:root:${directory}:/bin/sh`, 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin', ''];
  return { passwd: passwd.join('\n'), shadow: 'root:*:::::::\nsshd:*:::::::\n' };
}

/** How ssh is called: with one key, to one host key, and nothing of the machine's own settings. The host to call follows. */
export function sshArgs(way: {
  readonly port: number;
  readonly key: string;
  readonly knownHosts: string;
  readonly silenceSeconds: number;
}): readonly string[] {
  const options = {
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: way.knownHosts,
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: hostKeyAlias,
    PreferredAuthentications: 'publickey',
    Ciphers: ciphers,
    Compression: 'no',
    ConnectTimeout: `${helloSeconds}`,
    ServerAliveInterval: `${Math.max(1, Math.ceil(way.silenceSeconds / 6))}`,
    ServerAliveCountMax: '6',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['ssh', '-F', 'none', '-p', `${way.port}`, '-i', way.key, '-l', 'root', ...flags];
}

/** The line of a file of known hosts that has this host key and no other. */
export function knownHost(hostKey: string): string {
  return `${hostKeyAlias} ${hostKey.trim()}\n`;
}

const hostKeyAlias = 'destination';
