import type { Client } from '@temporalio/client';
import { run } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';

/** Hands the lines of a guest's console on as they come, down to the one that says that its first program runs. */
export async function watchConsole(client: Client, instance: Instance, onLine: (line: string) => void): Promise<void> {
  let shown = 0;
  const look = async () => {
    const lines = completeLines(await consoleOf(client, instance.id));
    const end = lines.findIndex((line) => line.startsWith('GUEST UP'));
    for (const line of lines.slice(shown, end === -1 ? undefined : end + 1)) onLine(line);
    shown = lines.length;
    return end === -1 ? null : true;
  };
  await until(look, { what: `GUEST UP on the console of ${instance.name}`, timeoutMs: 120_000, intervalMs: 1000 });
}

/** Pings a guest from this machine and returns what `ping` prints; raises an error when it does not answer. */
export async function pingGuest({ name, ports }: Instance): Promise<string[]> {
  const address = ports[0]?.ip;
  if (address === undefined) throw new Error(`instance ${name} has no address`);
  return (await run('ping', ['-c', '3', '-i', '0.3', '-W', '2', address])).split('\n');
}

async function consoleOf(client: Client, instanceId: string): Promise<string> {
  const { output } = await client.workflow.execute<(request: object) => Promise<{ output: string }>>('getConsoleOutput', {
    taskQueue: controlQueue,
    workflowId: `getConsoleOutput/${crypto.randomUUID()}`,
    args: [{ instanceId }],
  });
  return output;
}

/** The last line may be half written. */
function completeLines(output: string): string[] {
  return output.replaceAll('\r', '').split('\n').slice(0, -1);
}
