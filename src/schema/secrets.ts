import { z } from 'zod';
import { must, objectOf, textOf } from './fields.ts';
import { lineOfText, pathInGuest } from './patterns.ts';

/** Nova's `MAX_USERDATA_SIZE`, in characters of base64. */
const maxUserDataLength = 65_535;
/** Nova's quotas `injected_files` and `injected_file_content_bytes`. */
const maxFiles = 5;
const maxFileBytes = 10_240;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const password = textOf(lineOfText, 'one line of 1 to 255 characters, without control characters');

/** The password of a running guest's administrator. */
export const newPassword = password.describe("Set by the guest's agent, for the image's `os_admin_user`, or `root`. Sent encrypted only.");

/** The password of the guest's administrator, at its first boot. */
export const adminPassword = password.describe(
  'On the config drive as `admin_pass`, for what in the guest sets it (cloudbase-init does, cloud-init does not). Sent encrypted only.',
);

/** What the guest's cloud-init runs at its first boot. */
export const userData = textOf(base64, 'base64')
  .min(1, must('base64 of at least a byte'))
  .max(maxUserDataLength, must(`base64 of at most ${maxUserDataLength} characters`))
  .describe('Base64, as in Nova. Sent encrypted only.');

const file = objectOf(
  {
    path: textOf(pathInGuest, 'an absolute path of at most 255 characters, without "..", "." and control characters'),
    contentsBase64: textOf(base64, 'base64').refine(
      (text) => Buffer.byteLength(text, 'base64') <= maxFileBytes,
      `must be of at most ${maxFileBytes} bytes`,
    ),
  },
  'an object { path, contentsBase64 }',
);

/** Files for the guest (Nova's `personality`). */
export const files = z
  .array(file, must('a list of { path, contentsBase64 }'))
  .max(maxFiles, `must be at most ${maxFiles} files`)
  .refine((list) => new Set(list.map(({ path }) => path)).size === list.length, 'must not have two files of one path')
  .describe('Files that cloud-init writes into the guest at its first boot. Sent encrypted only.');
