import { type Canvas, type PageMediaStream, page } from "./media-types.ts";

/** Makes a media stream of JPEG frames, so that a page shows them as it shows WebRTC. */
export class FrameCanvas {
  readonly stream: PageMediaStream;
  readonly #canvas: Canvas;
  readonly #tracks: readonly { stop(): void }[];

  private constructor(canvas: Canvas) {
    this.#canvas = canvas;
    const stream = canvas.captureStream();
    this.#tracks = stream.getTracks();
    this.stream = stream as PageMediaStream;
  }

  /** Undefined where there is no page. */
  static create(width: number, height: number): FrameCanvas | undefined {
    const canvas = page.document?.createElement("canvas");
    if (canvas === undefined) return undefined;
    canvas.width = width;
    canvas.height = height;
    // A canvas has no stream before it has a context.
    canvas.getContext("2d");
    return new FrameCanvas(canvas);
  }

  /** Resolves when the frame is drawn. */
  async draw(jpeg: Uint8Array<ArrayBuffer>): Promise<void> {
    const bitmap = await page.createImageBitmap?.(new Blob([jpeg], { type: "image/jpeg" }));
    if (bitmap === undefined) return;
    this.#canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  close(): void {
    for (const track of this.#tracks) track.stop();
  }
}
