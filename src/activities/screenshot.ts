import { ErrorCode, isLibvirtError, type Libvirt } from '../libvirt/index.ts';
import { fail } from './record-client.ts';

/** A picture of a guest's screen. */
export interface Screenshot {
  readonly pngBase64: string;
}

export interface ScreenshotActivities {
  /** A picture of the guest's first screen. Raises `OperationFailed` when it has none, or one too large for an answer. Changes nothing. */
  takeScreenshot(input: { instanceId: string }): Promise<Screenshot>;
}

/** Of the picture: in base64 it has to fit into a payload of 2 MB. */
const maxBytes = 1_400_000;
const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export function screenshotActivities(libvirt: Libvirt): ScreenshotActivities {
  return {
    takeScreenshot: async ({ instanceId }) => {
      const image = await pictureOf(instanceId);
      if (!image.subarray(0, png.length).equals(png)) throw failed('the hypervisor sent no PNG: QEMU can since 7.1');
      if (image.length > maxBytes) throw failed(`the picture has ${image.length} bytes, an answer at most ${maxBytes}`);
      return { pngBase64: image.toString('base64') };
    },
  };

  async function pictureOf(uuid: string): Promise<Buffer> {
    try {
      return (await libvirt.screenshot({ dom: { uuid } })).image;
    } catch (error) {
      if (!isLibvirtError(error, ErrorCode.operationUnsupported) && !isLibvirtError(error, ErrorCode.invalidArg)) throw error;
      throw failed(`the guest has no screen: ${error.message}`);
    }
  }
}

function failed(message: string): ReturnType<typeof fail> {
  return fail('OperationFailed', message, { step: 'takeScreenshot', host: null });
}
