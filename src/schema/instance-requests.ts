import { z } from 'zod';
import { flag, id, ipv4, must, name, nameOf, networkName, notYet, objectOf, oneOf, stringMap, wholeNumber } from './fields.ts';
import { flavorOrName } from './flavor.ts';
import { onFailure } from './on-failure.ts';
import { publicKey } from './public-key.ts';

const maxPorts = 16;
const maxKeys = 16;
const maxConsoleBytes = 256 * 1024;

const port = objectOf({ network: networkName, fixedIp: z.exactOptional(ipv4) }, 'an object { network, fixedIp? }');

/** The ports of a new instance: one on the default network, none, or one on each network named. */
const networks = z.union(
  [
    oneOf(['auto', 'none']),
    z.array(port, must('a list')).min(1, 'must name a network, or be "none"').max(maxPorts, `must name at most ${maxPorts} networks`),
  ],
  must('"auto", "none" or a list of { network, fixedIp? }'),
);

/** `buildInstance`: makes an instance and starts its guest. */
export const buildInstance = objectOf({
  name,
  flavor: flavorOrName,
  image: nameOf('is required: starting without an image is not supported yet').describe('The id or the name of an image.'),
  instanceId: z.exactOptional(id),
  networks: z.exactOptional(networks),
  configDrive: z.exactOptional(flag),
  publicKeys: z.exactOptional(z.array(publicKey, must('a list of public keys')).max(maxKeys, `must have at most ${maxKeys} keys`)),
  metadata: z.exactOptional(stringMap),
  availabilityZone: z.exactOptional(name),
  onFailure,
  blockDevices: notYet(),
  userData: notYet(),
  files: notYet(),
  adminPassword: notYet(),
  hints: notYet(),
});

/** `deleteInstance`: ends an instance in whatever state it is. */
export const deleteInstance = objectOf({ instanceId: id, onFailure });

/** `getConsoleOutput`: the last bytes that the guest wrote to its console; the bound keeps the result below a payload's. */
export const getConsoleOutput = objectOf({ instanceId: id, maxBytes: z.exactOptional(wholeNumber(1, maxConsoleBytes)), onFailure });
