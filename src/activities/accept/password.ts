import { isYes } from '../../model/hardware/hardware.ts';
import type { NewPassword } from '../../model/secrets.ts';
import { fail } from '../record-client.ts';
import { type AcceptedGuest, taken } from './guest.ts';
import { activeImage } from './images.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { requireSealed } from './sealed.ts';
import { visibleInstance } from './whose.ts';

/** A password that is to be set in a guest, and whose. */
export interface AcceptedPassword extends AcceptedGuest {
  readonly user: string;
  /** Encrypted in the history. */
  readonly secrets: NewPassword;
}

export interface AcceptPasswordActivities {
  /** Takes an instance to set a password in its guest. Raises its refusals with nothing touched, `QemuGuestAgentNotEnabled` among them. Repeatable. */
  acceptPassword(input: AcceptInput): Promise<AcceptedPassword>;
}

export const acceptPasswordActivities: AcceptPasswordActivities = {
  acceptPassword: async ({ request, firstRunId }) => {
    const asked = parsed('setInstancePassword', request);
    await requireSealed(asked);
    const properties = await propertiesOf(asked.instanceId);
    const accepted = await taken('setInstancePassword', asked, firstRunId);
    return { ...accepted, user: administratorOf(properties), secrets: { adminPassword: asked.adminPassword } };
  },
};

/** Of the image that says whether the guest has an agent. */
async function propertiesOf(instanceId: string): Promise<Readonly<Record<string, string>>> {
  const { name, image } = await visibleInstance(instanceId);
  const properties = image === null ? {} : (await activeImage(image)).properties;
  if (isYes(properties['hw_qemu_guest_agent'])) return properties;
  throw fail(
    'QemuGuestAgentNotEnabled',
    `instance ${name} has no guest agent, which sets passwords: build it from an image with hw_qemu_guest_agent=yes that runs one`,
  );
}

/** As Nova chooses it. */
function administratorOf(properties: Readonly<Record<string, string>>): string {
  return properties['os_admin_user'] ?? (properties['os_type'] === 'windows' ? 'Administrator' : 'root');
}
