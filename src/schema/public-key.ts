import { textOf } from './fields.ts';

const line =
  /^((?:sk-)?(?:ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?) ([A-Za-z0-9+/]{16,4096}={0,2})(?: [ -~]{1,255})?$/;
const expectation = 'an OpenSSH public key in one line, as in ~/.ssh/id_ed25519.pub';

/** A public key as `authorized_keys` holds it, without options; its type is what the encoded key says of itself (RFC 4253, section 6.6). */
export const publicKey = textOf(line, expectation).refine(saysItsOwnType, `must be ${expectation}`);

function saysItsOwnType(key: string): boolean {
  const [, type, encoded] = line.exec(key) ?? [];
  if (type === undefined || encoded === undefined) return false;
  const blob = Buffer.from(encoded, 'base64');
  return blob.length > 4 + type.length && blob.readUInt32BE(0) === type.length && blob.toString('latin1', 4, 4 + type.length) === type;
}
