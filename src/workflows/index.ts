/** Every workflow type, by its name in the contract. */
export { auditHost } from './audit-host.ts';
export { buildInstance } from './build.ts';
export { cacheImage } from './cache-image.ts';
export { deleteInstance } from './delete.ts';
export { deleteImage } from './delete-image.ts';
export { createNetwork, disableHost, enableHost, fenceHost, getConsoleOutput } from './direct.ts';
export { importImage } from './import-image.ts';
export { host } from './records/host.ts';
export { image } from './records/image.ts';
export { instance } from './records/instance.ts';
export { network } from './records/network.ts';
export { startInstance } from './start.ts';
export { stopInstance } from './stop.ts';
export { verify } from './verify.ts';
