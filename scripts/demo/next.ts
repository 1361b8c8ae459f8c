import { dirname } from 'node:path';
import { findTemporal } from '../dev-server/binary.ts';
import type { DemoCloud } from './bring-up.ts';

/** What there is to do now, in commands that work as they stand. */
export async function whatToTry({ server, lab }: DemoCloud, isKept: boolean): Promise<string> {
  if (!isKept) return '\nAll of it goes now. To keep a cloud like this one and play with it: npm run dev';
  return `
All of it stays up until Ctrl-C. In another terminal, in this directory:

  export TEMPORAL_ADDRESS=${server.address}
  export PATH=${dirname(await findTemporal())}:$PATH
  temporal workflow execute --task-queue novaflow --type buildInstance --input '{"name":"web1","flavor":"lab.tiny","image":"tiny"}'
  temporal workflow query --workflow-id host/${lab.hosts[0]?.name} --type record
  temporal workflow list --query 'WorkflowType = "instance"'
  npm run lab -- status --name ${lab.name}

or in a browser: ${server.uiUrl}`;
}
