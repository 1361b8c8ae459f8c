import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp, type DemoCloud } from './demo/bring-up.ts';
import { startCleaner } from './demo/cleaner.ts';
import { sentenceOf } from './demo/ends.ts';
import { pingGuest, watchConsole } from './demo/guest.ts';
import { Interrupted, interruption, unlessAborted, whenAborted } from './demo/interruption.ts';
import { whatToTry } from './demo/next.ts';
import { say, seconds } from './demo/progress.ts';
import { soleDemo } from './demo/sole-demo.ts';
import { type PassedState, runShown } from './demo/states.ts';

/**
 * Brings a cloud up on this machine, builds a guest on it, looks at it and deletes it; then takes all down again, with
 * `--keep` not before Ctrl-C or SIGTERM. `--lab` and `--config` let a second demo run beside the first one.
 */
async function main(): Promise<void> {
  const { keep, lab, config } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      lab: { type: 'string', default: 'demo' },
      config: { type: 'string', default: join(import.meta.dirname, '..', 'temporal-dev.yaml') },
    },
  }).values;
  if (process.getuid?.() !== 0) {
    throw new Error('this makes network namespaces and mounts, which needs root: run "npm run demo", which asks sudo for it');
  }
  const signal = interruption();
  await using stack = new AsyncDisposableStack();
  stack.use(await soleDemo(lab));
  stack.use(startCleaner(lab));

  const cloud = await bringUp(stack, { lab, configFile: config, signal });
  const { server, codec } = cloud;
  say(`\nexport TEMPORAL_ADDRESS=${server.address}\nexport NOVAFLOW_CODEC_KEY_FILE=${codec.keyFile}\nTemporal's UI: ${server.uiUrl}`);
  await unlessAborted(signal, tell(cloud));

  say(await whatToTry(cloud, keep));
  if (keep) await whenAborted(signal);
}

/** The life of one guest. */
async function tell({ client }: DemoCloud): Promise<void> {
  const instanceId = randomUUID();
  say('\nbuildInstance { name: "hello", flavor: "lab.tiny", image: "tiny" }');
  const request = { instanceId, name: 'hello', flavor: 'lab.tiny', image: 'tiny' };
  const instance = await runShown(client, { type: 'buildInstance', request }, sayState);
  const took = Date.parse(instance.updatedAt) - Date.parse(instance.createdAt);
  say(`  ${instance.vmState} on ${instance.host} after ${seconds(took)}, ${instance.powerState}, address ${instance.ports[0]?.ip}`);

  say(`\nthe console of ${instance.name}`);
  await watchConsole(client, instance, (line) => say(`  | ${line}`));

  say('\nping from this machine');
  for (const line of await pingGuest(instance)) say(`  ${line}`);

  say('\ndeleteInstance');
  const deleted = await runShown(client, { type: 'deleteInstance', request: { instanceId } }, sayState);
  say(`  ${deleted.vmState}`);
}

function sayState({ taskState, milliseconds }: PassedState): void {
  say(`  ${(taskState ?? 'none (host chosen)').padEnd(22)}${seconds(milliseconds)}`);
}

let exitCode = 0;
try {
  await main();
} catch (error) {
  exitCode = error instanceof Interrupted ? 130 : 1;
  console.error(`demo: ${sentenceOf(error)}`);
}
// What was abandoned half-way, a download say, would keep the process.
process.exit(exitCode);
