import { connect, createServer, type Socket } from 'node:net';

const [listenAddress = '', listenPort, toPort] = process.argv.slice(2);

createServer({ allowHalfOpen: true, noDelay: true }, forward).listen(Number(listenPort), listenAddress);

function forward(client: Socket): void {
  const server = connect({ host: '127.0.0.1', port: Number(toPort), allowHalfOpen: true, noDelay: true });
  client.pipe(server).pipe(client);
  for (const [end, other] of [[client, server] as const, [server, client] as const]) {
    // One end that breaks breaks the other, so that both programs learn of it.
    end.on('error', () => other.destroy());
    end.on('close', () => other.destroy());
  }
}
