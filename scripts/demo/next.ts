import { dirname } from 'node:path';
import { findTemporal } from '../dev-server/binary.ts';
import type { DemoCloud } from './bring-up.ts';

/** What there is to do now, in commands that work as they stand. */
export async function whatToTry({ server, codec, lab }: DemoCloud, isKept: boolean): Promise<string> {
  if (!isKept) return '\nAll of it goes now. To keep a cloud like this one and play with it: npm run dev';
  return `
All of it stays up until Ctrl-C. In another terminal, in this directory:

  export TEMPORAL_ADDRESS=${server.address}
  export NOVAFLOW_CODEC_KEY_FILE=${codec.keyFile}
  ./novaflow instance create web1 --flavor lab.tiny --image tiny
  ./novaflow instance list
  ./novaflow instance console-log web1
  ./novaflow host list
  ./novaflow instance delete web1
  npm run lab -- status --name ${lab.name}

The same without a line of novaflow's, here with the temporal command:

  export PATH=$PATH:${dirname(await findTemporal())}
  temporal workflow start --task-queue novaflow --type buildInstance --input '{"name":"web2","flavor":"lab.tiny","image":"tiny"}'
  temporal workflow list --query 'WorkflowType = "instance" AND ExecutionStatus = "Running"'

or in a browser: ${server.uiUrl}`;
}
