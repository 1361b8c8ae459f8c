import type { HostState } from '../state.ts';

/** A host's libvirtd.conf: unix socket for root, TCP without authentication (a lab's network reaches nobody else), TLS for hosts of its authority, limits for a busy host. */
export function libvirtdConf(host: HostState): string {
  return settings({
    host_uuid: host.uuid,
    listen_tls: 1,
    listen_tcp: 1,
    listen_addr: host.address,
    auth_tcp: 'none',
    auth_unix_ro: 'none',
    auth_unix_rw: 'none',
    unix_sock_group: 'root',
    unix_sock_rw_perms: '0700',
    // Started at once: with the default of 5, calls that a hung QEMU holds keep others waiting, though more may be started.
    min_workers: 20,
    max_workers: 60,
    prio_workers: 10,
    max_client_requests: 20,
    log_outputs: '2:file:/var/log/libvirt/libvirtd.log',
  });
}

/** A host's qemu.conf: no confinement and no cgroups, which the machine has to itself, and migration over the lab's network, where both ends show a certificate. */
export function qemuConf(host: HostState, qemuGroup: string): string {
  const isRoot = host.qemuUser === 'root';
  return settings({
    security_driver: 'none',
    user: host.qemuUser,
    group: isRoot ? 'root' : qemuGroup,
    dynamic_ownership: isRoot ? 0 : 1,
    remember_owner: 0,
    cgroup_controllers: [],
    namespaces: [],
    stdio_handler: 'file',
    migration_address: host.address,
    migration_host: host.address,
    default_tls_x509_verify: 1,
  });
}

function settings(values: Readonly<Record<string, string | number | readonly string[]>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}
