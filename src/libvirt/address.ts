import { connect, type Socket } from 'node:net';

/** Where a libvirt daemon listens: a unix socket's path, or a host and a TCP port (16509 when not given). */
export type Address = { readonly socket: string } | { readonly host: string; readonly port?: number };

/** libvirtd's port for TCP without TLS. */
const defaultPort = 16509;

/** Begins to connect; the socket tells the rest by its events. */
export function dial(address: Address): Socket {
  if ('socket' in address) return connect(address.socket);
  const socket = connect({ host: address.host, port: address.port ?? defaultPort, noDelay: true });
  return socket.setKeepAlive(true, 5_000);
}

/** The address for people. */
export function addressText(address: Address): string {
  return 'socket' in address ? address.socket : `${address.host}:${address.port ?? defaultPort}`;
}
