import { buildGuest } from '../../lab/lab.ts';

/** Makes the guest's kernel and disks once, so that no test waits for a download. */
export default async function setup(): Promise<void> {
  await buildGuest({});
}
