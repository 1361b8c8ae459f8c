import { z } from 'zod';
import { blockDevice } from './block-device.ts';
import { flag, id, ipv4, must, name, nameOf, networkName, objectOf, oneOf, stringMap, textOf, wholeNumber } from './fields.ts';
import { flavorOrName } from './flavor.ts';
import { onFailure } from './on-failure.ts';
import { publicKey } from './public-key.ts';
import { adminPassword, files, userData } from './secrets.ts';

const maxPorts = 16;
const maxKeys = 16;
const maxHinted = 64;
const maxBlockDevices = 16;
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

const ids = z.union(
  [id, z.array(id, must('a list of ids')).min(1, 'must name an instance').max(maxHinted, `must name at most ${maxHinted} instances`)],
  must('the id of an instance, or a list of ids'),
);

/** What is wished of the host, by Nova's names of scheduler hints. */
const hints = objectOf({
  same_host: z.exactOptional(ids).describe('Only on a host of one of these instances.'),
  different_host: z.exactOptional(ids).describe('On no host of these instances.'),
  build_near_host_ip: z.exactOptional(ipv4).describe('Only on hosts whose address is in the subnet of this one.'),
  cidr: z
    .exactOptional(textOf(/^\/([0-9]|[12][0-9]|3[0-2])$/, 'the length of a prefix: /0 to /32'))
    .describe('Of that subnet; /24 when absent.'),
}).refine(({ build_near_host_ip: near, cidr }) => cidr === undefined || near !== undefined, {
  path: ['cidr'],
  error: 'needs build_near_host_ip: it is the subnet of that address',
});

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
  hints: z.exactOptional(hints),
  blockDevices: z.exactOptional(
    z.array(blockDevice, must('a list of block devices')).max(maxBlockDevices, `must have at most ${maxBlockDevices} block devices`),
  ),
  onFailure,
  userData: z.exactOptional(userData),
  files: z.exactOptional(files),
  adminPassword: z.exactOptional(adminPassword),
}).refine(
  ({ configDrive, userData, files, adminPassword }) => configDrive !== false || (userData ?? files ?? adminPassword) === undefined,
  {
    path: ['configDrive'],
    message: 'must not be false: userData, files and adminPassword reach a guest by its config drive alone',
  },
);

/** `deleteInstance`: ends an instance in whatever state it is. */
export const deleteInstance = objectOf({ instanceId: id, onFailure });

/** `openConsole`: a way to the guest's serial port or screen, for one connection. */
export const openConsole = objectOf({ instanceId: id, kind: oneOf(['serial', 'vnc']), onFailure });

/** `getConsoleOutput`: the last bytes that the guest wrote to its console; the bound keeps the result below a payload's. */
export const getConsoleOutput = objectOf({ instanceId: id, maxBytes: z.exactOptional(wholeNumber(1, maxConsoleBytes)), onFailure });
