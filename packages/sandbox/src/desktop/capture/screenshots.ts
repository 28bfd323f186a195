import { problem } from "../../http/problem.ts";
import { invalidAction } from "../errors.ts";
import type { Region, ScreenshotOptions } from "../types.ts";
import type { ImageEncoder } from "./encoder.ts";
import { rgbBytes, toRgb } from "./pixels.ts";
import type { ReusedBuffer } from "./reused-buffer.ts";
import type { Frame, ScreenCapture } from "./screen.ts";

/** Where screenshots are taken of. */
export interface Screen {
  readonly capture: ScreenCapture;
  /** For the pixels of an image while it is encoded. */
  readonly pixels: ReusedBuffer;
}

/** Takes a screenshot of `region`, or of the screen. A region is cut at the edges of the screen. */
export async function takeScreenshot(
  { capture, pixels }: Screen,
  encoder: ImageEncoder,
  options: ScreenshotOptions,
  region: Region = { x: 0, y: 0, width: capture.width, height: capture.height },
): Promise<Buffer> {
  const { width, height } = capture;
  const clipped = {
    x: region.x,
    y: region.y,
    width: Math.min(region.width, width - region.x),
    height: Math.min(region.height, height - region.y),
  };
  if (clipped.width <= 0 || clipped.height <= 0) {
    throw invalidAction(`the region is outside of the screen, which has ${width} x ${height} pixels`);
  }
  return await pixels.use(rgbBytes(clipped.width, clipped.height), async (buffer) => {
    const copy = (frame: Frame) => toRgb(frame, buffer);
    const image = await capture.capture(clipped, options.showCursor, copy).catch((error: unknown) => {
      throw problem("desktop_screenshot_failed", 502, `the screen could not be captured: ${String(error)}`);
    });
    return await encoder.encode(image, options);
  });
}
