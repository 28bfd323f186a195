import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type * as Sharp from "sharp";
import { problem } from "../../http/problem.ts";
import type { ImageFormat, ScreenshotOptions } from "../types.ts";
import { imageLibraryName } from "./image-library.ts";
import type { RgbImage } from "./pixels.ts";

/** Writes images in one of the formats of screenshots. */
export interface ImageEncoder {
  encode(image: RgbImage, options: ScreenshotOptions): Promise<Buffer>;
}

export const contentTypes: Readonly<Record<ImageFormat, string>> = {
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
};

/** Returns the encoder of `sharp` if that is installed, else one that runs ffmpeg, which takes longer. */
export function loadEncoder(ffmpeg: string | undefined): ImageEncoder {
  try {
    return new SharpEncoder(createRequire(import.meta.url)(imageLibraryName) as typeof Sharp.default);
  } catch {
    return new FfmpegEncoder(ffmpeg);
  }
}

class SharpEncoder implements ImageEncoder {
  readonly #sharp: typeof Sharp.default;

  constructor(sharp: typeof Sharp.default) {
    this.#sharp = sharp;
  }

  async encode({ width, height, bytes }: RgbImage, options: ScreenshotOptions): Promise<Buffer> {
    const { format, quality, scale } = options;
    let image = this.#sharp(bytes, { raw: { width, height, channels: 3 } });
    if (scale < 1) image = image.resize(scaled(width, scale), scaled(height, scale), { fit: "fill" });
    switch (format) {
      // Screens have large areas of one color: more effort costs milliseconds and saves little.
      case "png":
        return await image.png({ compressionLevel: 1, adaptiveFiltering: false }).toBuffer();
      case "jpeg":
        // Better Huffman tables would save 4 % of the bytes for twice the time.
        return await image.jpeg({ quality, optimiseCoding: false }).toBuffer();
      case "webp":
        return await image.webp({ quality, effort: 0 }).toBuffer();
    }
  }
}

export class FfmpegEncoder implements ImageEncoder {
  readonly #program: string | undefined;

  constructor(program: string | undefined) {
    this.#program = program;
  }

  async encode({ width, height, bytes }: RgbImage, options: ScreenshotOptions): Promise<Buffer> {
    if (this.#program === undefined) {
      throw problem(
        "desktop_screenshot_failed",
        502,
        "screenshots need the npm package sharp or the program ffmpeg: holdfast sandbox install desktop --yes",
      );
    }
    const { scale } = options;
    const size = scale < 1 ? ["-vf", `scale=${scaled(width, scale)}:${scaled(height, scale)}`] : [];
    return await runEncoder(
      this.#program,
      [
        ...["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-i", "pipe:0"],
        ...[...size, "-frames:v", "1", ...codec(options), "-f", "image2pipe", "pipe:1"],
      ],
      bytes,
    );
  }
}

function codec({ format, quality }: ScreenshotOptions): readonly string[] {
  switch (format) {
    case "png":
      return ["-c:v", "png", "-compression_level", "1"];
    // The scale of ffmpeg is 2 (best) to 31.
    case "jpeg":
      return ["-c:v", "mjpeg", "-q:v", String(Math.round(31 - (quality / 100) * 29))];
    case "webp":
      return ["-c:v", "libwebp", "-quality", String(quality), "-compression_level", "0"];
  }
}

async function runEncoder(program: string, args: readonly string[], input: Buffer): Promise<Buffer> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const output: Buffer[] = [];
  let complaint = "";
  child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => {
    complaint = (complaint + bytes.toString("utf8")).slice(-500);
  });
  // A program that ends early closes its input; its exit code tells more.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const image = Buffer.concat(output);
  if (code === 0 && image.length > 0) return image;
  throw problem("desktop_screenshot_failed", 502, `ffmpeg could not encode the image: ${complaint.trim()}`);
}

function scaled(pixels: number, scale: number): number {
  return Math.max(1, Math.round(pixels * scale));
}
